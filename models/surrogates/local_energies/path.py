"""Penalty and weight of the totals by leave-one-group-out cross-validation on a path with warm starts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from tansaku.models.domain.errors import FitError
from tansaku.models.domain.pool import FloatArray
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.surrogate import LocalEnergiesSpec
from tansaku.models.domain.surrogates import Progress, TrainingRun, Weights
from tansaku.models.surrogates.local_energies.system import GroupSums, PenalisedProblem, Solution

_UNIT = "meV/atom"
_STATE = "local_energies.path"


@dataclass(frozen=True)
class Chosen:
    """The best point of the paths.

    Attributes:
        total_weight: μ.
        penalty: λ [eV^2].
        error: Cross-validated error [eV].
        folds: Fits without each group, in order.
        full: Fit to all.
    """

    total_weight: float
    penalty: float
    error: float
    folds: tuple[Solution, ...]
    full: Solution


@dataclass(frozen=True)
class _State:
    """Progress of the paths, as stored in a checkpoint.

    Attributes:
        weight: Place of the present μ.
        point: Next point on its path.
        since: Points since its error fell last.
        lowest: Its lowest error so far [eV].
        current: Coefficients without each group and, last, of all, shape ``(n_groups + 1, n_features)``.
        best: Those of the best point of all paths (with ``strong_rule`` of the point after it, where its path continues).
        best_at: Its weight, point and error.
        history: All steps so far: weight, point, features, training and validation error.
    """

    weight: int
    point: int
    since: int
    lowest: float
    current: FloatArray
    best: FloatArray
    best_at: tuple[int, int, float]
    history: tuple[tuple[int, int, int, float, float], ...]

    def weights(self, key: str) -> Weights:
        document: JsonDict = {
            "type": _STATE,
            "schema_version": 1,
            "key": key,
            "weight": self.weight,
            "point": self.point,
            "since": self.since,
            # JSON has no infinity; no error is known yet.
            "lowest": self.lowest if np.isfinite(self.lowest) else None,
            "best_at": [self.best_at[0], self.best_at[1], self.best_at[2] if np.isfinite(self.best_at[2]) else None],
            "told": [list(step) for step in self.history],
        }
        return Weights({"current": self.current, "best": self.best}, document)

    @classmethod
    def of(cls, weights: Weights) -> _State:
        document = weights.document
        lowest, best = document["lowest"], document["best_at"]
        return cls(
            weight=document["weight"],
            point=document["point"],
            since=document["since"],
            lowest=np.inf if lowest is None else lowest,
            current=weights.arrays["current"],
            best=weights.arrays["best"],
            best_at=(best[0], best[1], np.inf if best[2] is None else best[2]),
            history=tuple((int(w), int(p), int(n), float(t), float(v)) for w, p, n, t, v in document["told"]),
        )


class CrossValidatedPath:
    """All paths, one per weight of the totals.

    Args:
        sums: Of each group, at least two.
        n_features: Number of penalised columns.

    Raises:
        FitError: There are too few groups.
    """

    def __init__(self, spec: LocalEnergiesSpec, sums: Sequence[GroupSums], n_features: int) -> None:
        if len(sums) < 2:
            raise FitError(f"local_energies: {len(sums)} group of training data; cross-validation leaves one out of at least 2")
        self._spec, self._sums, self._n_features = spec, tuple(sums), n_features
        every = sums[0]
        for group in sums[1:]:
            every = every.plus(group)
        self._every = every
        self._parts = [*(every.plus(group, -1) for group in sums), every]

    def run(self, key: str, run: TrainingRun) -> Chosen:
        """Follows the paths, continuing from a checkpoint with this key if there is one.

        Raises:
            FitError: No penalty gives a prediction.
        """
        left = run.checkpoints.load()
        if left is not None and left.document.get("type") == _STATE and left.document.get("key") == key:
            state = _State.of(left)
            for step, entry in enumerate(state.history, 1):
                run.on_progress(self._progress(step, entry))
        else:
            empty = np.zeros((len(self._parts), self._n_features))
            state = _State(0, 0, 0, np.inf, empty, empty, (0, 0, np.inf), ())
        weights = self._spec.total_weights
        for place in range(state.weight, len(weights)):
            if state.weight != place:
                state = replace(state, weight=place, point=0, since=0, lowest=np.inf, current=np.zeros_like(state.current))
            problems = self._problems(weights[place])
            penalties = self._penalties(problems[-1])
            while state.point < len(penalties) and state.since < self._spec.patience:
                state = self._step(state, problems, penalties[state.point])
                run.checkpoints.save(state.weights(key))
                run.on_progress(self._progress(len(state.history), state.history[-1]))
        return self._chosen(state)

    def _problems(self, total_weight: float) -> list[PenalisedProblem]:
        return [PenalisedProblem.of(part.loss(total_weight), self._n_features) for part in self._parts]

    def _penalties(self, full: PenalisedProblem) -> FloatArray:
        largest = full.largest_penalty
        if not largest > 0:
            raise FitError("local_energies: the energies do not depend on the features at all")
        return largest * np.geomspace(1.0, self._spec.path_ratio, self._spec.path_points)

    def _step(self, state: _State, problems: Sequence[PenalisedProblem], penalty: float) -> _State:
        spec = self._spec
        solutions = [problem.solve(penalty, start, spec) for problem, start in zip(problems, state.current, strict=True)]
        current = np.array([solution.coefficients for solution in solutions])
        error = self._error(zip(self._sums, solutions[:-1], strict=True))
        training = self._error([(self._every, solutions[-1])])
        entry = (state.weight, state.point, int(np.count_nonzero(current[-1])), training, error)
        state = replace(state, current=current, point=state.point + 1, history=(*state.history, entry))
        fell = error < state.lowest
        state = replace(state, since=0 if fell else state.since + 1, lowest=min(error, state.lowest))
        if error < state.best_at[2]:
            return replace(state, best=current, best_at=(entry[0], entry[1], error))
        # With the former solver the fits kept are those one penalty after the best: it wrote into the array from which it
        # started, and stored campaigns must get the same models.
        after = spec.solver != "working_set" and state.best_at[:2] == (entry[0], entry[1] - 1)
        return replace(state, best=current) if after else state

    def _error(self, left_out: object) -> float:
        """Root mean square error of the atoms' energies where some are known, of the cells' energies per atom else [eV]."""
        atoms = cells = 0.0
        n_atoms = n_cells = 0
        for sums, solution in left_out:  # type: ignore[attr-defined]
            of_atoms, of_cells = sums.squared_errors(solution)
            atoms, cells = atoms + of_atoms, cells + of_cells
            n_atoms, n_cells = n_atoms + sums.n_atoms, n_cells + sums.n_cells
        return float(np.sqrt(atoms / n_atoms if n_atoms else cells / n_cells))

    def _chosen(self, state: _State) -> Chosen:
        place, point, error = state.best_at
        if not np.isfinite(error):
            raise FitError("local_energies: no penalty of the path gives a finite error")
        total_weight = self._spec.total_weights[place]
        problems = self._problems(total_weight)
        fits = [
            Solution(coefficients, problem.intercepts(coefficients))
            for problem, coefficients in zip(problems, state.best, strict=True)
        ]
        penalty = float(self._penalties(problems[-1])[point])
        return Chosen(total_weight, penalty, error, tuple(fits[:-1]), fits[-1])

    def _progress(self, step: int, entry: tuple[int, int, int, float, float]) -> Progress:
        weight, point, features, training, validation = entry
        note = f"total weight {self._spec.total_weights[weight]:g}, penalty {point + 1}, {features} features"
        return Progress(step, 1000.0 * training, 1000.0 * validation, _UNIT, note)
