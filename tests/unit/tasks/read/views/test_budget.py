from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tansaku.models.domain.history import TimeSpent
from tansaku.models.domain.specs.budget import BudgetSpec
from tansaku.tasks.read.views.budget import Spent, budget_used, share_used

NOON = datetime(2027, 1, 31, 12, tzinfo=UTC)
TIME = TimeSpent(now=NOON, driven=5400.0, core_seconds=7200.0)


def used(**limits: object) -> dict[str, tuple[str, str, float | None]]:
    spent = Spent(2, 4.0, limits.get("cost"), None, TIME, since=NOON - timedelta(hours=2))
    found = budget_used(BudgetSpec(**limits), spent)
    assert share_used(found) == max([item.share or 0.0 for item in found])
    return {item.title: (item.spent, item.limit, item.share) for item in found}


def test_each_limit_that_is_set_is_shown_with_what_is_used_of_it():
    limits = {"evaluations": 8, "cost": 16.0, "hours": 6.0, "core_hours": 4.0, "deadline": "2027-01-31T18:00:00+00:00"}
    assert used(**limits) == {
        "Evaluations": ("2", "8", 0.25),
        "Cost": ("4", "16", 0.25),
        "Time with a driver": ("1.5 hours", "6 hours", 0.25),
        "Computing time": ("2 core-hours", "4 core-hours", 0.5),
        "Deadline": ("6 hours are left", "2027-01-31 18:00 UTC", 0.25),
    }


def test_the_share_is_that_of_the_evaluations_that_are_named():
    spent = Spent(8, 8.0, None, None, TIME, since=NOON, pending=4)
    evaluations, _ = budget_used(BudgetSpec(evaluations=20), spent)
    assert evaluations.describe() == "evaluations 4 of 20 (20 %), 4 more begun"


@pytest.mark.parametrize(("limits", "limit"), [({}, ""), ({"fraction": 0.5}, "0.5 of the exhaustive cost")])
def test_what_is_not_limited_or_not_known_has_no_share(limits, limit):
    found = used(**limits)
    assert found == {"Evaluations": ("2", "", None), "Cost": ("4", limit, None)}


def test_a_deadline_that_has_passed_says_so():
    assert used(deadline="2027-01-31T11:00:00+00:00")["Deadline"][::2] == ("it has passed", 1.0)
