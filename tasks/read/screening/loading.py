"""Campaigns of a screen file, which relax its boundaries: one for each axis."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.specs.screen import ScreenSpec, axis_name
from tansaku.spaces.space_registry import open_space
from tansaku.tasks.ground.formats.validation import validate_document
from tansaku.tasks.node.configuration.campaign_files import LoadedCampaign, campaign_from_data, read_named


@dataclass(frozen=True)
class LoadedScreen:
    """A screen file after validation.

    Attributes:
        spec: The file.
        campaigns: By axis, in the order of the file.
    """

    spec: ScreenSpec
    campaigns: tuple[LoadedCampaign, ...]


def load_screen(path: Path) -> LoadedScreen:
    """Loads a screen file; everything is checked before anything is spent.

    Raises:
        ConfigurationError: The file, a key in it or a file it names is wrong, or an axis has no boundary that fits.
    """
    document = read_named(path)
    spec, base_path = validate_document(ScreenSpec, document), path.resolve().parent
    campaigns = []
    for number, axis in enumerate(spec.axes):
        space = spec.space.model_copy(update={"axis": axis})
        try:
            systems = len(open_space(space, base_path).pool().systems)
        except ConfigurationError as error:
            raise ConfigurationError(f"axes[{number}]: {error.message}", hint=error.hint) from error
        data = {
            "schema_version": 1,
            "name": f"{spec.name}-{axis_name(axis)}",
            "seed": spec.seed,
            "space": space.model_dump(mode="json"),
            "calculator": spec.calculator.model_dump(mode="json"),
            "proposer": {"type": "random", "by_system": True},
            "budget": {"evaluations": spec.per_system * systems, "max_failed_fraction": 1.0},
            "execution": spec.execution.model_dump(mode="json"),
        }
        campaigns.append(campaign_from_data(data, base_path, document.source))
    return LoadedScreen(spec, tuple(campaigns))
