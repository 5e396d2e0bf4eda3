"""Ax's client with its default strategy, its suggestion moved to the nearest free candidate of the list."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tansaku.models.engine.peers.problem import Encoding, Problem, Suggestion, nearest, parameters

_VALUE = "value"


class AxOptimiser:
    """A client of one system: columns are ranges, descriptors are unordered choices; it tells no expected gain."""

    def suggest(self, problem: Problem) -> Suggestion:
        """The next candidate."""
        from ax.api.client import Client

        with _quiet():
            client = Client(random_seed=problem.seed + len(problem.rows))
            client.configure_experiment(parameters=_described(problem.encoding))
            client.configure_optimization(objective=f"-{_VALUE}")
            client.configure_generation_strategy(initialization_budget=0)
            for row, value in zip(problem.rows.tolist(), problem.values.tolist(), strict=True):
                number = client.attach_trial(parameters=parameters(problem.encoding, row))
                client.complete_trial(number, raw_data={_VALUE: value})
            (asked,) = client.get_next_trials(max_trials=1).values()
        return Suggestion(nearest(problem, asked))


def _described(encoding: Encoding) -> list[Any]:
    from ax.api.configs import ChoiceParameterConfig, RangeParameterConfig

    ranges = [RangeParameterConfig(name=name, parameter_type="float", bounds=(0.0, 1.0)) for name in encoding.names]
    return ranges + [
        ChoiceParameterConfig(
            name=descriptor.name, parameter_type="int", values=list(range(len(descriptor.rows))), is_ordered=False
        )
        for descriptor in encoding.descriptors
    ]


@contextmanager
def _quiet() -> Iterator[None]:
    """Ax has a logger for each module, and says there what becomes of every trial."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)
