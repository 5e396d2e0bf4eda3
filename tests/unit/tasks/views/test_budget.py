from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tansaku.models.domain.specs.budget import BudgetSpec
from tansaku.models.domain.time_limits import TimeSpent
from tansaku.tasks.views.budget import budget_used
from tansaku.tasks.views.readings import Readings

NOON = datetime(2027, 1, 31, 12, tzinfo=UTC)
SPENT = TimeSpent(now=NOON, driven=5400.0, core_seconds=7200.0)


def used(recorded, **limits: object) -> dict[str, tuple[str, str, float | None]]:
    reading = Readings(recorded("a1", "a2")).reading("small-table")
    spec = reading.spec.model_copy(update={"budget": BudgetSpec(**limits)})
    found = budget_used(spec, reading.status.model_copy(update={"limit": limits.get("cost")}), SPENT)
    return {item.title: (item.spent, item.limit, item.share) for item in found}


def test_each_limit_that_is_set_is_shown_with_what_is_used_of_it(recorded):
    limits = {"evaluations": 8, "cost": 16.0, "hours": 6.0, "core_hours": 4.0, "deadline": "2027-01-31T18:00:00+00:00"}
    assert used(recorded, **limits) == {
        "Evaluations": ("2", "8", 0.25),
        "Cost": ("4", "16", 0.25),
        "Time with a driver": ("1.5 hours", "6 hours", 0.25),
        "Computing time": ("2 core-hours", "4 core-hours", 0.5),
        "Deadline": ("6 hours are left", "2027-01-31 18:00 UTC", None),
    }


@pytest.mark.parametrize(("limits", "limit"), [({}, ""), ({"fraction": 0.5}, "0.5 of the exhaustive cost")])
def test_what_is_not_limited_or_not_known_has_no_share(recorded, limits, limit):
    found = used(recorded, **limits)
    assert found == {"Evaluations": ("2", "", None), "Cost": ("4", limit, None)}


def test_a_deadline_that_has_passed_says_so(recorded):
    assert used(recorded, deadline="2027-01-31T11:00:00+00:00")["Deadline"][0] == "it has passed"
