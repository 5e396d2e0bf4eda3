"""The sentence that says what a campaign searches."""

from __future__ import annotations

import pytest

from tansaku.tasks.read.views.aim import aim_of
from tansaku.tasks.read.views.campaign import Campaign


@pytest.mark.parametrize(
    ("goal", "direction", "said"),
    [
        (None, "minimize", "Searches for the lowest value [mJ/m2] of each system (2) among 5 candidates, looked up."),
        ({"type": "best_overall"}, "maximize", "Searches for the highest value [mJ/m2] among 5 candidates, looked up."),
        ({"type": "top_k", "k": 3}, "minimize", "Searches for the 3 lowest value [mJ/m2] among 5 candidates, looked up."),
        (
            {"type": "all_below", "threshold": "4 mJ/m2"}, "minimize",
            "Searches for each value up to 4 mJ/m2 among 5 candidates, looked up.",
        ),
    ],
)  # fmt: skip
def test_the_goal_is_a_sentence(recorded, goal, direction, said):
    store = recorded("a1")
    reading = Campaign.of(store, store.campaign("small-table"))
    objective = {**reading.record.spec["objective"], "direction": direction, **({"goal": goal} if goal else {})}
    spec = type(reading.spec).model_validate(reading.record.spec | {"objective": objective})
    assert aim_of(reading.with_spec(spec)) == said
