"""The registry of openers: joins a space's spec to the code that lists its candidates."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import cast

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.ports import Space
from tansaku.models.domain.specs.limits import LimitsSpec
from tansaku.models.domain.specs.space import SpaceSpec

OPENERS = {
    "composition": "composition:CompositionSpace",
    "crystals": "crystals:CrystalsSpace",
    "grain_boundary": "grain_boundary:GrainBoundarySpace",
    "prototypes": "prototypes:PrototypesSpace",
    "table": "table:TableSpace",
}
"""Module of this folder and class, by type of the spec. Plug-ins that bring a space add theirs here."""


def open_space(spec: SpaceSpec, base_path: Path, limits: LimitsSpec | None = None) -> Space:
    """Opens a space; only the code of its own type is imported.

    Args:
        spec: The ``space`` part of a campaign file.
        base_path: Folder in which relative paths start.
        limits: What the spec may ask for; None: a stored campaign's, which was judged when the campaign was created, so that
            a job finds its space on every machine.

    Raises:
        ConfigurationError: The spec names what does not exist or does not fit, or asks for more than the limits.
    """
    if spec.type not in OPENERS:
        raise ConfigurationError(f"space.type: {spec.type!r} has no opener; expected one of {', '.join(OPENERS)}")
    module, name = OPENERS[spec.type].split(":")
    return cast("Space", getattr(import_module(f"tansaku.spaces.{module}"), name)(spec, base_path, limits))
