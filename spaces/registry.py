"""Joins a space's spec to the code that opens it."""

from __future__ import annotations

from pathlib import Path

from tansaku.models.domain.ports import Space
from tansaku.models.domain.specs.limits import LimitsSpec
from tansaku.models.domain.specs.space import (
    CompositionSpaceSpec,
    CrystalsSpaceSpec,
    PrototypesSpaceSpec,
    SpaceSpec,
    TableSpaceSpec,
)


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
    if isinstance(spec, TableSpaceSpec):
        from tansaku.spaces.table import TableSpace

        return TableSpace(spec, base_path, limits)
    if isinstance(spec, CompositionSpaceSpec):
        from tansaku.spaces.composition import CompositionSpace

        return CompositionSpace(spec, base_path, limits)
    if isinstance(spec, CrystalsSpaceSpec):
        from tansaku.spaces.crystals import CrystalsSpace

        return CrystalsSpace(spec, base_path, limits)
    if isinstance(spec, PrototypesSpaceSpec):
        from tansaku.spaces.prototypes import PrototypesSpace

        return PrototypesSpace(spec, base_path, limits)
    from tansaku.spaces.grain_boundary import GrainBoundarySpace

    return GrainBoundarySpace(spec, base_path, limits)
