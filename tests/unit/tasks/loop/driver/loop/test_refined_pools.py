"""Campaigns whose pool gets candidates around the best ones found."""

import numpy as np

from tansaku.spaces.space_registry import open_space, pool_with
from tansaku.tasks.read.views.status import campaign_status

SPACE = {
    "type": "parameters",
    "parameters": {f"x{number}": {"type": "number", "low": 0, "high": 1} for number in range(1, 7)},
    "pool": 128,
    "refine": {"around": 2, "neighbours": 30},
    "function": "hartmann6",
}
CAMPAIGN = {"space": SPACE, "proposer": {"type": "gp", "initial_points": 6}, "budget": {"evaluations": 14}}


def test_neighbours_are_proposed_and_a_resume_makes_the_same_choices(open_bench):
    whole = open_bench.driven(**CAMPAIGN)
    sequence = whole.sequence()
    assert len(sequence) == 14
    assert all("-" not in candidate for candidate in sequence[:6])
    assert any("-" in candidate for candidate in sequence[6:])
    broken = open_bench(**CAMPAIGN)
    for at in (7, 9, 11):
        broken.drive(halt_at=at)
    broken.drive()
    assert broken.sequence() == sequence
    status = campaign_status(whole.store, "small")
    assert (status.evaluations, status.state.value) == (14, "FINISHED")
    space = open_space(whole.launcher.spec.space, whole.folder)
    pool = pool_with(space, sequence)
    assert len(np.unique(pool.positions(sequence))) == 14


def test_without_refinement_the_pool_stays(open_bench):
    bench = open_bench.driven(**CAMPAIGN | {"space": SPACE | {"refine": None}, "budget": {"evaluations": 9}})
    assert all("-" not in candidate for candidate in bench.sequence())
