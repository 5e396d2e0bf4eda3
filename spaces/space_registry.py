"""The registry of openers: joins a space's spec to the code that lists its candidates."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from tansaku.models.domain.openers import opener
from tansaku.models.domain.ports import Space
from tansaku.models.domain.specs.limits import LimitsSpec
from tansaku.models.domain.specs.space import SpaceSpec

OPENERS = {
    "composition": "tansaku.spaces.composition:CompositionSpace",
    "crystals": "tansaku.spaces.crystals:CrystalsSpace",
    "grain_boundary": "tansaku.spaces.grain_boundary:GrainBoundarySpace",
    "prototypes": "tansaku.spaces.prototypes:PrototypesSpace",
    "table": "tansaku.spaces.table:TableSpace",
}
"""Module and class, by type of the spec. Plug-ins that bring a space add theirs here."""


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
    return cast("Space", opener(OPENERS, spec.type, "space.type")(spec, base_path, limits))
