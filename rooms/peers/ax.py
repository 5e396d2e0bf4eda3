"""Ax's default model and acquisition function, asked for the value of each candidate. Olson et al., AutoML 2025."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np

from tansaku.models.domain.pool import FloatArray
from tansaku.models.domain.records import JsonDict
from tansaku.peers.botorch import seeded
from tansaku.peers.problem import Descriptor, Encoding, Problem, Suggestion

_VALUE = "value"


class AxOptimiser:
    """An experiment of one system whose parameters are the columns of its table, each a range, and its categories, choices.

    Ax proposes points of ranges and products of choices. A list of candidates is neither, and Ax would propose points between
    them. So Ax's adapter, which holds the model, is asked for the acquisition function's value at each candidate. A group of
    many columns is no choice: Ax makes a column of its model of each value of a choice, 196 for the tavorites.
    """

    def __init__(self) -> None:
        self._encoding: Encoding | None = None
        self._arms: list[JsonDict] = []
        self._known: list[tuple[int, float]] = []
        self._attached: Any = None

    def suggest(self, problem: Problem) -> Suggestion:
        """The next candidate."""
        from ax.adapter.registry import Generators
        from ax.core.observation import ObservationFeatures

        with _quiet(), seeded(problem.seed):
            adapter: Any = Generators.BOTORCH_MODULAR(experiment=self.experiment(problem))
            candidates = [ObservationFeatures(parameters=self._arms[row]) for row in problem.free.tolist()]
            gains = np.asarray(adapter.evaluate_acquisition_function(candidates))
        best = int(np.argmax(gains))
        return Suggestion(int(problem.free[best]), float(np.exp(gains[best])) * problem.deviation)

    def experiment(self, problem: Problem) -> Any:  # noqa: ANN401 - Ax has no types here
        """The experiment with all that was measured. Trials stay attached: attaching all of them takes longer than fitting."""
        measured = list(zip(problem.rows.tolist(), problem.values.tolist(), strict=True))
        if self._encoding is not problem.encoding or self._known != measured[: len(self._known)]:
            self._encoding, self._known = problem.encoding, []
            self._arms, self._attached = _arms(problem.encoding), _empty(problem.encoding)
        for row, value in measured[len(self._known) :]:
            _, number = self._attached.attach_trial([self._arms[row]])
            trial = self._attached.trials[number]
            trial.mark_running(no_runner_required=True)
            trial.update_trial_data({_VALUE: value})
            trial.mark_completed()
        self._known = measured
        return self._attached


def _numbers(encoding: Encoding) -> FloatArray:
    """The columns that are ranges, at least one where there is no category, shape ``(n_members, d)``."""
    others = tuple(item for item in encoding.descriptors if not item.category)
    if not others and encoding.descriptors:
        return encoding.numbers
    return replace(encoding, descriptors=others).matrix


def _arms(encoding: Encoding) -> list[JsonDict]:
    """Ax's parameters of each candidate."""
    arms: list[JsonDict] = [{f"x{number}": value for number, value in enumerate(row)} for row in _numbers(encoding).tolist()]
    for name, category in _choices(encoding).items():
        for arm, code in zip(arms, category.codes.tolist(), strict=True):
            arm[name] = _label(code)
    return arms


def _choices(encoding: Encoding) -> dict[str, Descriptor]:
    """The categories, by a name that Ax takes."""
    return {f"c{number}": item for number, item in enumerate(item for item in encoding.descriptors if item.category)}


def _label(code: int) -> str:
    return f"r{code}"


def _empty(encoding: Encoding) -> Any:  # noqa: ANN401 - Ax has no types here
    """An experiment without trials."""
    from ax.core.experiment import Experiment
    from ax.core.metric import Metric
    from ax.core.objective import Objective
    from ax.core.optimization_config import OptimizationConfig
    from ax.core.parameter import ChoiceParameter, ParameterType, RangeParameter
    from ax.core.search_space import SearchSpace

    ranges = [RangeParameter(f"x{number}", ParameterType.FLOAT, 0.0, 1.0) for number in range(_numbers(encoding).shape[1])]
    choices = [
        ChoiceParameter(
            name,
            ParameterType.STRING,
            [_label(code) for code in range(len(category.rows))],
            is_ordered=False,
            sort_values=False,
        )
        for name, category in _choices(encoding).items()
    ]
    return Experiment(
        search_space=SearchSpace([*ranges, *choices]),
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
