"""Optuna: a study whose suggestions are moved to the nearest row, after its ten random ones."""

from typing import Any

import optuna
from optuna.distributions import CategoricalDistribution, FloatDistribution

from benchmarks.everyday.native.table import Table


def search(table: Table, count: int, seed: int, sampler: type[Any] = optuna.samplers.TPESampler) -> list[int]:
    """Positions that are measured, in order."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(sampler=sampler(seed=seed))
    space: dict[str, Any] = {name: FloatDistribution(*table.bounds(name)) for name in table.numbers}
    space |= {name: CategoricalDistribution(table.options(name)) for name in table.categories}
    measured: list[int] = []
    while len(measured) < count:
        asked = study.ask(space)
        place = table.nearest(asked.params, measured)
        measured.append(place)
        study.tell(asked, state=optuna.trial.TrialState.FAIL)
        study.add_trial(
            optuna.trial.create_trial(params=table.row(place), distributions=space, value=float(table.values[place]))
        )
    return measured


def search_gp(table: Table, count: int, seed: int) -> list[int]:
    """The same with the sampler of Gaussian processes."""
    return search(table, count, seed, optuna.samplers.GPSampler)
