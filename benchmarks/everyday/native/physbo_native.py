"""PHYSBO: its discrete policy on the centred one-hot table: five random rows, then expected improvement."""

import numpy as np
import physbo

from benchmarks.everyday.native.table import Table

_RANDOM = 5


def search(table: Table, count: int, seed: int) -> list[int]:
    """Positions that are measured, in order."""
    policy = physbo.search.discrete.Policy(test_X=physbo.misc.centering(table.one_hot()))
    policy.set_seed(seed)

    def simulator(places: np.ndarray) -> np.ndarray:
        return np.asarray(-table.values[places])

    policy.random_search(max_num_probes=_RANDOM, simulator=simulator, is_disp=False)
    done = policy.bayes_search(max_num_probes=count - _RANDOM, simulator=simulator, score="EI", is_disp=False)
    return [int(place) for place in done.chosen_actions[:count]]
