"""Saddle points of hops whose two ends an operation of the crystal exchanges.

The operation maps the way of the ion onto its own reverse, so the energy along it is even about the middle, and relaxing under
the operation leads to a stationary point there: the saddle point, if exactly one of the motions that the operation reverses
lowers the energy. This replaces a band of images by one relaxation.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tansaku.calculators.workflows.migration.crystal import Crystal
from tansaku.calculators.workflows.migration.curvature import guess
from tansaku.calculators.workflows.migration.network import Hop
from tansaku.calculators.workflows.migration.relaxing import State, odd_part
from tansaku.calculators.workflows.migration.supercell import Mapping
from tansaku.models.domain.errors import CalculationError
from tansaku.models.domain.pool import FloatArray, IntArray

_STEP = 0.02
"""Displacement for second derivatives [Å]."""

_MOST_STEPS = 12
_TOLERANCE = 0.25
"""Residual below which an eigenvalue's sign is taken for known, as a share of the eigenvalue."""

_FLAT = 0.05
"""An eigenvalue nearer to zero than this has no sign that means anything [eV/Å^2]."""


@dataclass(frozen=True)
class Midpoint:
    """A relaxed state half way.

    Attributes:
        state: Atoms are those of the supercell less the hop's second site.
        kept: Their indices.
        ion: Position of the hopping ion among them.
        eigenvalues: Of the lowest motions that the operation reverses, ascending [eV/Å^2].
        modes: The lowest two of them, or one where there is no other, shape ``(2, n_atoms, 3)``.
        evaluations: Spent on them.
    """

    state: State
    kept: IntArray
    ion: int
    eigenvalues: tuple[float, ...]
    modes: FloatArray
    evaluations: int

    @property
    def unstable(self) -> int:
        """How many of them lower the energy."""
        return sum(value < -_FLAT for value in self.eigenvalues)


def relax_midpoint(crystal: Crystal, hop: Hop, mapping: Mapping) -> Midpoint:
    """Relaxes a hop's middle under the operation that exchanges its ends.

    Args:
        crystal: The crystal.
        hop: The hop.
        mapping: The operation, on the full supercell.

    Raises:
        CalculationError: Not converged, or an atom has left its place.
    """
    supercell = crystal.supercell
    here, there = supercell.index(hop.first, (0, 0, 0)), supercell.index(hop.second, hop.cell)
    kept = crystal.without(there)
    ion = int(np.searchsorted(kept, here))
    start = crystal.atoms(kept)
    start.positions[ion] = 0.5 * (supercell.host.positions[hop.first] + supercell.place(hop))
    bound = _restricted(mapping, kept, ion)
    curvature = guess(crystal.curvature, kept, np.array([ion]))
    state = crystal.relaxer.at_fixed_cell(start, curvature, bound)
    if state is None:
        raise CalculationError("not_converged", "the relaxation of a midpoint was stopped")
    crystal.check(kept, state.positions, ion)
    before = crystal.relaxer.through.evaluations
    values, modes = _lowest(crystal, kept, ion, state, bound)
    return Midpoint(state, kept, ion, values, modes, crystal.relaxer.through.evaluations - before)


def _restricted(mapping: Mapping, kept: IntArray, ion: int) -> Mapping:
    """The operation on the atoms that are there; the ion stays with itself."""
    onto = np.searchsorted(kept, mapping.onto[kept]).astype(np.intp)
    onto[ion] = ion
    return Mapping(onto, mapping.rotation)


def _lowest(crystal: Crystal, kept: IntArray, ion: int, state: State, mapping: Mapping) -> tuple[tuple[float, ...], FloatArray]:
    """Lowest eigenvalues among the motions that the operation reverses, and the motions of the lowest two.

    Davidson's method: each new direction is a residual divided by the guess of the curvature, which begins as the crystal's.
    One evaluation a direction: the forces on the other side follow from the operation.
    """
    count = len(kept)
    atoms = crystal.atoms(kept, state.positions)
    through = crystal.relaxer.through

    def apply(direction: FloatArray) -> FloatArray:
        moved = atoms.copy()
        moved.calc = through
        shape = direction.reshape(count, 3)
        step = _STEP / float(np.linalg.norm(shape, axis=1).max())
        moved.positions += step * shape
        return np.asarray(-odd_part(moved.get_forces(), mapping).ravel() / step)

    model = guess(crystal.curvature, kept, np.array([ion]))
    inverse = np.linalg.inv(model) if model is not None else np.eye(3 * count)
    basis: list[FloatArray] = []
    images: list[FloatArray] = []
    waiting = [np.eye(3 * count)[3 * ion + axis] for axis in range(3)]
    values, vectors = np.empty(0), np.empty((0, 0))
    while waiting and len(basis) < _MOST_STEPS:
        known = len(basis)
        for vector in waiting:
            fresh = _orthogonal(vector, basis, mapping)
            if fresh is not None:
                basis.append(fresh)
                images.append(apply(fresh))
        if len(basis) == known:
            break
        rows, turned = np.array(basis), np.array(images)
        small = rows @ turned.T
        values, vectors = np.linalg.eigh(0.5 * (small + small.T))
        residuals = [vectors[:, k] @ turned - values[k] * (vectors[:, k] @ rows) for k in range(min(2, len(basis)))]
        waiting = [
            inverse @ residual
            for value, residual in zip(values, residuals, strict=False)
            if np.linalg.norm(residual) > _TOLERANCE * max(abs(value), _FLAT)
        ]
    modes = (vectors[:, :2].T @ np.array(basis)).reshape(-1, count, 3)
    return tuple(float(value) for value in values[:3]), modes


def _orthogonal(vector: FloatArray, basis: list[FloatArray], mapping: Mapping) -> FloatArray | None:
    """The part of a direction that the operation reverses and that is new, of length one; None where there is none."""
    odd = odd_part(vector.reshape(-1, 3), mapping)
    # Moving everything at once is reversed by an inversion and costs nothing.
    odd = (odd - odd.mean(axis=0)).ravel()
    length = float(np.linalg.norm(odd))
    for _ in range(2):
        for known in basis:
            odd = odd - (known @ odd) * known
    left = float(np.linalg.norm(odd))
    return odd / left if left > 1e-6 * max(length, 1e-12) and left > 1e-9 else None
