"""Energies of atoms and of cells as rows of one least-squares system, kept as sums by group.

The loss of weights w and intercepts b (one per element) is

    (1/N) Σ_i (e_i − φ_i·w − b)² + μ (1/S) Σ_s [(E_s − Σ_{i∈s}(φ_i·w + b)) / N_s]² + λ |w|₁

(after Tamura et al. 2017, doi:10.1088/1361-651X/aa8276). Without the last term it is quadratic, so cross-validation needs
only the products of all columns, summed over the rows of each group: leaving a group out is a subtraction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tansaku.models.domain.pool import FloatArray


@dataclass(frozen=True)
class Rows:
    """Rows of one structure.

    Attributes:
        columns: Standardised features and one indicator per element, shape ``(n_atoms, n_features + n_species)``.
        energies: Of the atoms, less the offset [eV], shape ``(n_atoms,)``; None where only the total is known.
        energy: Total energy per atom, less the offset [eV]; None where it is not known.
        group: Place of the structure's group.
    """

    columns: FloatArray
    energies: FloatArray | None
    energy: float | None
    group: int


@dataclass(frozen=True)
class GroupSums:
    """Products of all columns, energies last, summed over rows.

    Attributes:
        atomic: Over atoms, shape ``(m, m)``.
        n_atoms: How many.
        total: Over cells, shape ``(m, m)``.
        n_cells: How many.
    """

    atomic: FloatArray
    n_atoms: int
    total: FloatArray
    n_cells: int

    def plus(self, other: GroupSums, sign: int = 1) -> GroupSums:
        """Sums of both, or of this one without the other."""
        return GroupSums(
            self.atomic + sign * other.atomic,
            self.n_atoms + sign * other.n_atoms,
            self.total + sign * other.total,
            self.n_cells + sign * other.n_cells,
        )

    def loss(self, total_weight: float) -> FloatArray:
        """The quadratic form of the loss in ``(w, b, -1)``, shape ``(m, m)``."""
        matrix = np.zeros_like(self.atomic)
        if self.n_atoms:
            matrix += self.atomic / self.n_atoms
        if self.n_cells and total_weight:
            matrix += total_weight * self.total / self.n_cells
        return matrix

    def squared_errors(self, solution: Solution) -> tuple[float, float]:
        """Sum of squared errors of the atoms, and of the cells' energies per atom [eV^2]."""
        vector = np.concatenate([solution.coefficients, solution.intercepts, [-1.0]])
        used = np.flatnonzero(vector)
        vector, block = vector[used], np.ix_(used, used)
        # The sum may be zero, and rounding may make it negative.
        return max(0.0, float(vector @ self.atomic[block] @ vector)), max(0.0, float(vector @ self.total[block] @ vector))


@dataclass(frozen=True)
class Solution:
    """A fit.

    Attributes:
        coefficients: Of the standardised features, shape ``(n_features,)``.
        intercepts: Of the elements [eV], shape ``(n_species,)``.
        converged: Whether the solver converged.
    """

    coefficients: FloatArray
    intercepts: FloatArray
    converged: bool = True


def group_sums(rows: Sequence[Rows], n_groups: int) -> list[GroupSums]:
    """Sums of each group."""
    sums = []
    for group in range(n_groups):
        mine = [row for row in rows if row.group == group]
        atoms = [np.column_stack([row.columns, row.energies]) for row in mine if row.energies is not None]
        cells = [np.append(row.columns.mean(axis=0), row.energy) for row in mine if row.energy is not None]
        # One product per group: a sum over the structures would write all products again for each of them.
        atomic, total = (np.vstack([np.empty((0, rows[0].columns.shape[1] + 1)), *found]) for found in (atoms, cells))
        sums.append(GroupSums(atomic.T @ atomic, len(atomic), total.T @ total, len(total)))
    return sums


@dataclass(frozen=True)
class PenalisedProblem:
    """The loss with the intercepts eliminated (they are not penalised).

    Attributes:
        gram: Shape ``(n_features, n_features)``.
        product: Features times energies, shape ``(n_features,)``.
        square: Energies times energies.
        back: Intercepts are ``back @ (-w, 1)``, shape ``(n_species, n_features + 1)``.
    """

    gram: FloatArray
    product: FloatArray
    square: float
    back: FloatArray

    @classmethod
    def of(cls, loss: FloatArray, n_features: int) -> PenalisedProblem:
        """Eliminates the intercepts of a quadratic form, which stand between features and energy."""
        kept = np.r_[:n_features, len(loss) - 1]
        free = np.arange(n_features, len(loss) - 1)
        # Two elements in cells of one composition cannot be distinguished by totals alone: then the smallest intercepts.
        back = np.linalg.pinv(loss[np.ix_(free, free)], hermitian=True) @ loss[np.ix_(free, kept)]
        reduced = loss[np.ix_(kept, kept)] - loss[np.ix_(kept, free)] @ back
        reduced = 0.5 * (reduced + reduced.T)
        return cls(reduced[:-1, :-1].copy(), reduced[:-1, -1].copy(), max(0.0, float(reduced[-1, -1])), back)

    @property
    def largest_penalty(self) -> float:
        """The smallest λ at which no feature is selected."""
        return 2.0 * float(np.abs(self.product).max())

    def solve(self, penalty: float, start: FloatArray, max_iterations: int, tolerance: float) -> Solution:
        """Coordinate descent of scikit-learn from a start.

        Args:
            penalty: λ of the loss.
            start: Coefficients of a neighbouring penalty, shape ``(n_features,)``.
            max_iterations: Sweeps.
            tolerance: Duality gap relative to the energies' sum of squares.
        """
        import warnings

        from sklearn.exceptions import ConvergenceWarning
        from sklearn.linear_model import lasso_path

        # With products the solver reads no row: one is enough, with the energies' sum of squares.
        rows, energies = np.zeros((1, len(self.product)), order="F"), np.array([np.sqrt(self.square)])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # reported by the number of sweeps
            _, found, _, sweeps = lasso_path(
                rows,
                energies,
                alphas=[0.5 * penalty],
                precompute=self.gram,
                Xy=self.product,
                coef_init=np.ascontiguousarray(start),
                max_iter=max_iterations,
                tol=tolerance,
                return_n_iter=True,
                # They are already in the form that the solver wants; its own checks took a fifth of the time of the fits.
                check_input=False,
            )
        coefficients = np.asarray(found[:, 0], dtype=np.float64)
        return Solution(coefficients, self.intercepts(coefficients), converged=int(sweeps[0]) < max_iterations)

    def intercepts(self, coefficients: FloatArray) -> FloatArray:
        """Intercepts that go with coefficients [eV], shape ``(n_species,)``."""
        return np.asarray(self.back @ np.append(-coefficients, 1.0), dtype=np.float64)
