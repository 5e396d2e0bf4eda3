"""Opens a space of grain boundaries: with whole planes, or with any number of atoms in the boundary."""

from __future__ import annotations

from pathlib import Path

from tansaku.models.domain.ports import Space
from tansaku.models.domain.specs.grain_boundary import GrainBoundarySpaceSpec
from tansaku.models.domain.specs.limits import LimitsSpec


def open_boundaries(spec: GrainBoundarySpaceSpec, base_path: Path, limits: LimitsSpec | None = None) -> Space:
    """Opens the space of a spec.

    Args:
        base_path: Folder in which relative paths start.
        limits: Limits for the spec; None: it was checked before.

    Raises:
        ConfigurationError: The selection is empty, contradictory or too large, or the table that lists it is wrong.
    """
    if spec.boundaries.list is not None:
        from tansaku.spaces.boundary_list import with_listed

        spec = with_listed(spec, base_path, limits)
    if spec.replication is not None:
        from tansaku.spaces.boundary_density.space import BoundaryDensitySpace

        return BoundaryDensitySpace(spec, base_path, limits)
    from tansaku.spaces.grain_boundary import GrainBoundarySpace

    return GrainBoundarySpace(spec, base_path, limits)
