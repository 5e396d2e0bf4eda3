"""Boundaries of compounds, cut out of the cells of a search, for calculators that cannot compute the whole cells."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tansaku.models.domain.errors import CalculationError, ConfigurationError
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.spaces.compound_boundary import CompoundBoundarySpace
from tansaku.tasks.node.jobs.opened import opened_compound, opened_space

if TYPE_CHECKING:
    from ase import Atoms

NEAREST = 2.0 / 3.0
"""Atoms that are nearer than this share of the crystal's shortest distance have collapsed: potentials that know no boundary
have no energy against that, and what is learned from such cells is of no use."""


def compound_cut_out(spec: CampaignSpec, base_path: str, candidate: str, relaxed: Atoms | None, most: int) -> Atoms:
    """Both boundaries of a candidate with thinner grains.

    Args:
        spec: Of the campaign; its calculator relaxes the crystal.
        base_path: Folder in which its relative paths start.
        candidate: Its id.
        relaxed: The candidate's cell as the search relaxed it; None: the cell as it is built.
        most: Atoms that the thinner cell may have.

    Raises:
        CalculationError: Such a cell would be too thin (``too_large``), or atoms have collapsed (``overlap``).
    """
    space, calculator = opened_space(spec.space, base_path), spec.calculator
    if not isinstance(space, CompoundBoundarySpace) or calculator is None:
        raise ConfigurationError(f"a {spec.space.type} space has no boundaries of a compound")
    reference = opened_compound(calculator, base_path, spec.space, calculator.relaxation, candidate)
    start = space.built(candidate, *reference.crystals)
    slabs = space.slabs(candidate, *reference.crystals)
    found = space.cut_out(start, start if relaxed is None else relaxed, slabs, most)
    if found is None:
        raise CalculationError("too_large", f"{candidate}: its boundaries with thin grains have more than {most} atoms")
    lengths = found.get_all_distances(mic=True) + 9.0 * np.eye(len(found))
    if (nearest := float(lengths.min())) < NEAREST * reference.crystal.nearest:
        raise CalculationError("overlap", f"{candidate}: two atoms are {nearest:.2f} Å apart")
    return found
