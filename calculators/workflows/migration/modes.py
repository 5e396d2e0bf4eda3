"""Lowest motions of a state, by Davidson's method on finite differences of the forces.

Davidson, J. Comput. Phys. 17, 87 (1975), doi:10.1016/0021-9991(75)90065-0: each new direction is a residual divided by a guess
of the curvature.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from tansaku.models.domain.pool import FloatArray

STEP = 0.02
"""Displacement for second derivatives [Å]."""

FLAT_CURVATURE = 0.05
"""An eigenvalue nearer to zero than this has no sign that means anything [eV/Å^2]."""

_TOLERANCE = 0.25
"""Residual below which an eigenvalue's sign is taken for known, as a share of the eigenvalue."""

Field = Callable[[FloatArray], FloatArray]
"""Function from a motion of all atoms to another, both flat."""


@dataclass(frozen=True)
class Modes:
    """Lowest vibrational modes of a state.

    Attributes:
        values: Eigenvalues, ascending [eV/Å^2], shape ``(k,)``.
        vectors: Their motions, of length one, shape ``(k, 3 n_atoms)``.
        basis: Orthonormal directions that were tried, shape ``(k, 3 n_atoms)``.
        images: What the second derivatives make of them [eV/Å^2], shape ``(k, 3 n_atoms)``.
    """

    values: FloatArray
    vectors: FloatArray
    basis: FloatArray
    images: FloatArray

    @property
    def unstable(self) -> int:
        """Number of motions that lower the energy."""
        return int((self.values < -FLAT_CURVATURE).sum())


def lowest_modes(
    apply: Field,
    starts: Sequence[FloatArray],
    precondition: FloatArray,
    project: Field,
    most: int,
    one: bool = False,
) -> Modes:
    """Finds the lowest two motions.

    Args:
        apply: The second derivatives.
        starts: Directions to begin with.
        precondition: Guess of the inverse of the second derivatives, shape ``(3 n_atoms, 3 n_atoms)``.
        project: Keeps of a direction what is asked for.
        most: Directions tried, about.
        one: It ends once a motion lowers the energy.
    """
    basis: list[FloatArray] = []
    images: list[FloatArray] = []
    waiting = list(starts)
    values, vectors = np.empty(0), np.empty((0, 0))
    while waiting and len(basis) < most:
        known = len(basis)
        for vector in waiting:
            fresh = _orthogonal(vector, basis, project)
            if fresh is not None:
                basis.append(fresh)
                images.append(apply(fresh))
        if len(basis) == known:
            break
        rows, turned = np.array(basis), np.array(images)
        small = rows @ turned.T
        values, vectors = np.linalg.eigh(0.5 * (small + small.T))
        if one and values[0] < -FLAT_CURVATURE:
            break
        residuals = [vectors[:, k] @ turned - values[k] * (vectors[:, k] @ rows) for k in range(min(2, len(basis)))]
        waiting = [
            precondition @ residual
            for value, residual in zip(values, residuals, strict=False)
            if np.linalg.norm(residual) > _TOLERANCE * max(abs(value), FLAT_CURVATURE)
        ]
    rows = np.array(basis)
    return Modes(values, vectors.T @ rows, rows, np.array(images))


def _orthogonal(vector: FloatArray, basis: list[FloatArray], project: Field) -> FloatArray | None:
    """Projects a direction and makes it orthogonal to a basis and of length one; None where nothing is left of it."""
    wanted = project(vector)
    length = float(np.linalg.norm(wanted))
    for _ in range(2):
        for known in basis:
            wanted = wanted - (known @ wanted) * known
    left = float(np.linalg.norm(wanted))
    return wanted / left if left > 1e-6 * max(length, 1e-12) and left > 1e-9 else None
