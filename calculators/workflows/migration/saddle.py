"""Saddle points of hops whose two ends are exchanged by a symmetry operation of the crystal.

The operation maps the way of the ion onto its own reverse, so the energy along it is even about the middle, and relaxing under
the operation leads to a stationary point there: the saddle point, if exactly one of the motions that the operation reverses
lowers the energy. This replaces a band of images by one relaxation.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tansaku.calculators.workflows.migration.crystal import Crystal
from tansaku.calculators.workflows.migration.modes import FLAT_CURVATURE, STEP, Modes, lowest_modes
from tansaku.calculators.workflows.migration.network import Hop
from tansaku.calculators.workflows.migration.passage import Passage, open_passage
from tansaku.calculators.workflows.migration.relaxing import State, odd_part
from tansaku.calculators.workflows.migration.supercell import Mapping
from tansaku.models.domain.errors import CalculationError
from tansaku.models.domain.pool import FloatArray, IntArray

_MOST_DIRECTIONS = 12


@dataclass(frozen=True)
class Midpoint:
    """A relaxed state half way.

    Attributes:
        state: The state.
        passage: Its atoms.
        mapping: The operation, on them.
        eigenvalues: Of the lowest motions that the operation reverses, ascending [eV/Å^2].
        modes: The lowest two of them, or one where there is no other, shape ``(2, n_atoms, 3)``.
        evaluations: Spent on them.
    """

    state: State
    passage: Passage
    mapping: Mapping
    eigenvalues: tuple[float, ...]
    modes: FloatArray
    evaluations: int

    @property
    def unstable(self) -> int:
        """Number of motions that lower the energy."""
        return sum(value < -FLAT_CURVATURE for value in self.eigenvalues)

    def turn(self, positions: FloatArray) -> FloatArray:
        """Positions after applying the operation [Å], shape ``(n_atoms, 3)``."""
        return self.state.positions + self.mapping.turn(positions - self.state.positions)


def relax_midpoint(crystal: Crystal, hop: Hop, mapping: Mapping) -> Midpoint:
    """Relaxes a hop's midpoint under the symmetry operation that exchanges its ends.

    Args:
        crystal: The crystal.
        hop: The hop.
        mapping: The operation, on the full supercell.

    Raises:
        CalculationError: Not converged, or an atom has left its place.
    """
    supercell, passage = crystal.supercell, open_passage(crystal, hop)
    start = passage.atoms()
    start.positions[passage.ion] = 0.5 * (supercell.host.positions[hop.first] + supercell.place(hop))
    bound = restrict(mapping, passage.kept, passage.ion)
    state = crystal.relaxer.at_fixed_cell(start, passage.curvature, bound)
    if state is None:
        raise CalculationError("not_converged", "the relaxation of a midpoint was stopped")
    passage.check(state.positions)
    before = crystal.relaxer.through.evaluations
    modes = _odd_modes(passage, state, bound)
    return Midpoint(
        state=state,
        passage=passage,
        mapping=bound,
        eigenvalues=tuple(float(value) for value in modes.values[:3]),
        modes=modes.vectors[:2].reshape(-1, len(passage.kept), 3),
        evaluations=crystal.relaxer.through.evaluations - before,
    )


def restrict(mapping: Mapping, kept: IntArray, ion: int) -> Mapping:
    """Returns an operation restricted to the atoms in the supercell; the ion is mapped onto itself."""
    onto = np.searchsorted(kept, mapping.onto[kept]).astype(np.intp)
    onto[ion] = ion
    return Mapping(onto, mapping.rotation)


def _odd_modes(passage: Passage, state: State, mapping: Mapping) -> Modes:
    """The lowest motions that the operation reverses.

    One evaluation a direction: the forces on the other side follow from the operation.
    """
    count = len(passage.kept)

    def apply(direction: FloatArray) -> FloatArray:
        shape = direction.reshape(count, 3)
        step = STEP / float(np.linalg.norm(shape, axis=1).max())
        _, forces = passage.forces(state.positions + step * shape)
        return np.asarray(-odd_part(forces, mapping).ravel() / step)

    def odd(direction: FloatArray) -> FloatArray:
        vectors = odd_part(direction.reshape(count, 3), mapping)
        # An inversion also reverses a translation of all atoms, which costs no energy; it is projected out.
        return np.asarray((vectors - vectors.mean(axis=0)).ravel())

    guess = passage.curvature
    inverse = np.eye(3 * count) if guess is None else np.asarray(np.linalg.inv(guess), dtype=np.float64)
    starts = [np.eye(3 * count)[3 * passage.ion + axis] for axis in range(3)]
    return lowest_modes(apply, starts, inverse, odd, _MOST_DIRECTIONS)
