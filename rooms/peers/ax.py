"""Ax's default model and acquisition function, asked for the value of each candidate. Olson et al., AutoML 2025."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from tansaku.peers.botorch import seeded
from tansaku.peers.problem import Encoding, Problem, Suggestion

_VALUE = "value"


class AxOptimiser:
    """An experiment of one system whose parameters are the columns of its table, each a range.

    Ax proposes points of ranges and products of choices. A list of candidates is neither: with a choice for each group of
    columns, Ax makes a column of its model of each value of a choice, 196 for the tavorites, and proposes points between the
    candidates. So Ax's adapter, which holds the model, is asked for the acquisition function's value at each candidate.
    """

    def __init__(self) -> None:
        self._encoding: Encoding | None = None
        self._known: list[tuple[int, float]] = []
        self._attached: Any = None

    def suggest(self, problem: Problem) -> Suggestion:
        """The next candidate."""
        from ax.adapter.registry import Generators
        from ax.core.observation import ObservationFeatures

        matrix = problem.encoding.matrix
        with _quiet(), seeded(problem.seed):
            adapter: Any = Generators.BOTORCH_MODULAR(experiment=self._experiment(problem))
            candidates = [ObservationFeatures(parameters=_named(row)) for row in matrix[problem.free].tolist()]
            gains = np.asarray(adapter.evaluate_acquisition_function(candidates))
        best = int(np.argmax(gains))
        return Suggestion(int(problem.free[best]), float(np.exp(gains[best])) * problem.deviation)

    def _experiment(self, problem: Problem) -> Any:  # noqa: ANN401 - Ax has no types here
        """The experiment with all that was measured. Trials stay attached: attaching all of them takes longer than fitting."""
        measured = list(zip(problem.rows.tolist(), problem.values.tolist(), strict=True))
        if self._encoding is not problem.encoding or self._known != measured[: len(self._known)]:
            self._encoding, self._known, self._attached = problem.encoding, [], _empty(problem.encoding.matrix.shape[1])
        for row, value in measured[len(self._known) :]:
            _, number = self._attached.attach_trial([_named(problem.encoding.matrix[row].tolist())])
            trial = self._attached.trials[number]
            trial.mark_running(no_runner_required=True)
            trial.update_trial_data({_VALUE: value})
            trial.mark_completed()
        self._known = measured
        return self._attached


def _named(row: list[float]) -> dict[str, Any]:
    return {f"x{number}": value for number, value in enumerate(row)}


def _empty(dimensions: int) -> Any:  # noqa: ANN401 - Ax has no types here
    """An experiment without trials."""
    from ax.core.experiment import Experiment
    from ax.core.metric import Metric
    from ax.core.objective import Objective
    from ax.core.optimization_config import OptimizationConfig
    from ax.core.parameter import ParameterType, RangeParameter
    from ax.core.search_space import SearchSpace

    ranges = [RangeParameter(name, ParameterType.FLOAT, 0.0, 1.0) for name in _named([0.0] * dimensions)]
    return Experiment(
        search_space=SearchSpace(ranges),
        tracking_metrics=[Metric(_VALUE)],
        optimization_config=OptimizationConfig(Objective(expression=f"-{_VALUE}", metric_name_to_signature={_VALUE: _VALUE})),
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """Ax has a logger for each module, and says there what becomes of every trial."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)
