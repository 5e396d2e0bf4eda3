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

from tansaku.models.domain.pool import BoolArray, FloatArray
from tansaku.models.domain.specs.surrogate import LocalEnergiesSpec

_FEWEST_ADDED = 50
"""Features that a working set may grow by at once, or by half its size."""


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
        matrix = self.atomic / max(self.n_atoms, 1)
        if self.n_cells and total_weight:
            matrix += (total_weight / self.n_cells) * self.total
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
        free = loss[n_features:-1]
        # Two elements in cells of one composition cannot be distinguished by totals alone: then the smallest intercepts.
        inverse = np.linalg.pinv(free[:, n_features:-1], hermitian=True)
        back: FloatArray = np.asarray(inverse @ np.column_stack([free[:, :n_features], free[:, -1]]), dtype=np.float64)
        # One matrix, in place: at thousands of features to allocate another takes longer than to compute it.
        gram = free[:, :n_features].T @ back[:, :-1]
        np.subtract(loss[:n_features, :n_features], gram, out=gram)
        product = loss[:n_features, -1] - free[:, -1] @ back[:, :-1]
        return cls(gram, product, max(0.0, float(loss[-1, -1] - free[:, -1] @ back[:, -1])), back)

    @property
    def largest_penalty(self) -> float:
        """The smallest λ at which no feature is selected."""
        return 2.0 * float(np.abs(self.product).max())

    def solve(self, penalty: float, start: FloatArray, spec: LocalEnergiesSpec) -> Solution:
        """Coordinate descent from a start until the duality gap of all features is small.

        Args:
            penalty: λ of the loss.
            start: Coefficients of a neighbouring penalty, shape ``(n_features,)``.
            spec: Its solver, tolerance and largest number of sweeps.
        """
        half = 0.5 * penalty
        slopes = self._slopes(start)
        if self._solved(half, start, slopes, spec):
            return Solution(start, self.intercepts(start), True)
        return (self._by_working_set if spec.solver == "working_set" else self._by_strong_rule)(half, start, slopes, spec)

    def _by_strong_rule(self, half: float, start: FloatArray, slopes: FloatArray, spec: LocalEnergiesSpec) -> Solution:
        """Descends among the features that the strong rule expects to matter.

        The rule (doi:10.1111/j.1467-9868.2011.01004.x) can fail. Where a feature that it leaves out violates the optimality
        condition, the solution is computed again with this feature.
        """
        among = (slopes >= 2.0 * half - max(half, float(slopes.max()))) | (start != 0)
        while True:
            coefficients, converged = self._descended(half, start, among, spec)
            missed = (self._slopes(coefficients) > half) & ~among
            if not missed.any():
                return Solution(coefficients, self.intercepts(coefficients), converged)
            among |= missed

    def _by_working_set(self, half: float, start: FloatArray, slopes: FloatArray, spec: LocalEnergiesSpec) -> Solution:
        """Descends among the selected features, and adds those that violate the optimality condition most.

        At small penalties the strong rule keeps nearly all of thousands of correlated features, a few hundred of which are
        selected in the end.
        """
        coefficients, among = start, start != 0
        while True:
            missed = np.flatnonzero((slopes > half) & ~among)
            most = max(_FEWEST_ADDED, int(among.sum()) // 2)
            among[missed[np.argsort(-slopes[missed], kind="stable")[:most]]] = True
            coefficients, converged = self._descended(half, coefficients, among, spec)
            slopes = self._slopes(coefficients)
            if not ((slopes > half) & ~among).any() or self._solved(half, coefficients, slopes, spec):
                return Solution(coefficients, self.intercepts(coefficients), converged)

    def _solved(self, half: float, coefficients: FloatArray, slopes: FloatArray, spec: LocalEnergiesSpec) -> bool:
        return 0.0 <= self._duality_gap(half, coefficients, float(slopes.max())) <= spec.tolerance * self.square

    def _slopes(self, coefficients: FloatArray) -> FloatArray:
        """Half the derivatives of the loss without its penalty, without their signs, shape ``(n_features,)``."""
        used = np.flatnonzero(coefficients)
        return np.asarray(np.abs(self.product - coefficients[used] @ self.gram[used]), dtype=np.float64)

    def _duality_gap(self, half: float, coefficients: FloatArray, slope: float) -> float:
        """Duality gap of coefficients whose largest slope is given, the bound at which the solver stops.

        The dual point is the residual, scaled until no slope exceeds the penalty.
        """
        used = np.flatnonzero(coefficients)
        kept = coefficients[used]
        explained = float(self.product[used] @ kept)
        residual = self.square - 2.0 * explained + float(kept @ self.gram[np.ix_(used, used)] @ kept)
        scale = min(1.0, half / slope) if slope > 0.0 else 1.0
        return 0.5 * (1.0 + scale**2) * residual + half * float(np.abs(kept).sum()) - scale * (self.square - explained)

    def _descended(self, half: float, start: FloatArray, chosen: BoolArray, spec: LocalEnergiesSpec) -> tuple[FloatArray, bool]:
        """Coordinate descent of scikit-learn among chosen features: all coefficients, and whether it converged."""
        coefficients, among = np.zeros_like(start), np.flatnonzero(chosen)
        if not len(among):
            return coefficients, True
        import warnings

        from sklearn.exceptions import ConvergenceWarning
        from sklearn.linear_model import lasso_path

        # With products the solver reads no row: one is enough, with the energies' sum of squares.
        rows, energies = np.zeros((1, len(among)), order="F"), np.array([np.sqrt(self.square)])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # reported by the number of sweeps
            _, found, _, sweeps = lasso_path(
                rows,
                energies,
                alphas=[half],
                # All features are most of the time of the smallest penalties: their products are not copied.
                precompute=self.gram if len(among) == len(self.gram) else self.gram[np.ix_(among, among)],
                Xy=self.product[among],
                coef_init=start[among],
                max_iter=spec.max_iterations,
                tol=spec.tolerance,
                return_n_iter=True,
                # They are already in the form that the solver wants; its own checks took a fifth of the time of the fits.
                check_input=False,
            )
        coefficients[among] = found[:, 0]
        return coefficients, int(sweeps[0]) < spec.max_iterations

    def intercepts(self, coefficients: FloatArray) -> FloatArray:
        """Intercepts that go with coefficients [eV], shape ``(n_species,)``."""
        return np.asarray(self.back @ np.append(-coefficients, 1.0), dtype=np.float64)
