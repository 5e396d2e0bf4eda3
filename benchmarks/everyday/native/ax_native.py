"""Ax: a client with its default generation strategy, whose trials are moved to the nearest row."""

import logging

from ax.api.client import Client
from ax.api.configs import ChoiceParameterConfig, RangeParameterConfig

from benchmarks.everyday.native.table import Table


def search(table: Table, count: int, seed: int) -> list[int]:
    """Positions that are measured, in order."""
    logging.disable(logging.WARNING)
    client = Client(random_seed=seed)
    client.configure_experiment(
        parameters=[
            *(RangeParameterConfig(name=name, parameter_type="float", bounds=table.bounds(name)) for name in table.numbers),
            *(
                ChoiceParameterConfig(name=name, parameter_type="str", values=table.options(name), is_ordered=False)
                for name in table.categories
            ),
        ]
    )
    client.configure_optimization(objective="-value")
    measured: list[int] = []
    while len(measured) < count:
        for number, asked in client.get_next_trials(max_trials=1).items():
            client.mark_trial_abandoned(number)
            measured.append(table.nearest(asked, measured))
            moved = client.attach_trial(parameters=table.row(measured[-1]))
            client.complete_trial(moved, raw_data={"value": float(table.values[measured[-1]])})
    return measured
