"""Joins a space's spec to the code that opens it."""

from __future__ import annotations

from pathlib import Path

from tansaku.models.domain.ports import Space
from tansaku.models.domain.specs.space import (
    CompositionSpaceSpec,
    CrystalsSpaceSpec,
    PrototypesSpaceSpec,
    SpaceSpec,
    TableSpaceSpec,
)


def open_space(spec: SpaceSpec, base_path: Path) -> Space:
    """Opens a space; only the code of its own type is imported.

    Args:
        spec: The ``space`` part of a campaign file.
        base_path: Folder in which relative paths start.

    Raises:
        ConfigurationError: The spec names what does not exist or does not fit.
    """
    if isinstance(spec, TableSpaceSpec):
        from tansaku.spaces.table import TableSpace

        return TableSpace(spec, base_path)
    if isinstance(spec, CompositionSpaceSpec):
        from tansaku.spaces.composition import CompositionSpace

        return CompositionSpace(spec, base_path)
    if isinstance(spec, CrystalsSpaceSpec):
        from tansaku.spaces.crystals import CrystalsSpace

        return CrystalsSpace(spec, base_path)
    if isinstance(spec, PrototypesSpaceSpec):
        from tansaku.spaces.prototypes import PrototypesSpace

        return PrototypesSpace(spec, base_path)
    from tansaku.spaces.grain_boundary import GrainBoundarySpace

    return GrainBoundarySpace(spec, base_path)
