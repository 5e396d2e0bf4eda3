from datetime import UTC, datetime, timedelta
from itertools import count

import numpy as np
import pytest

from tansaku.models.domain.records import LeaseOwner, Outcome
from tansaku.tasks.read.views.budget import Used
from tansaku.tasks.read.views.campaign import Campaign
from tansaku.tasks.read.views.pace import Pace, describe_time, ending_rate, pace_of
from tansaku.tasks.read.views.readings import Readings
from tests.support.records import proposal_of, store_evaluation

NAME = "small-table"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.0, "0 seconds"), (59.0, "59 seconds"), (60.0, "1 minute"), (5400.0, "2 hours"), (86400.0, "1 day"), (2.6e6, "30 days")],
)
def test_a_time_is_told_in_its_own_unit(seconds, said):
    assert describe_time(seconds) == said


@pytest.mark.parametrize(
    ("pace", "said"),
    [
        (Pace(rate=2.0, left=30.0), "2 evaluations a second; about 30 seconds left"),
        (Pace(rate=0.5, left=600.0), "30 evaluations a minute; about 10 minutes left"),
        (Pace(rate=1e-3), "3.6 evaluations an hour"),
        (Pace(rate=1e-5), "0.86 evaluations a day"),
    ],
)
def test_a_pace_is_told_in_the_unit_in_which_it_is_at_least_one(pace, said):
    assert pace.describe() == said


def test_a_campaign_that_hangs_becomes_slower():
    ended = np.arange(0.0, 50.0)
    assert ending_rate(ended, 49.0) == 1.0
    assert ending_rate(ended, 68.0) == 0.5
    assert ending_rate(ended[:2], 60.0) is None


def test_the_time_left_is_that_of_the_limit_which_is_reached_first(recorded):
    begun, ticks = datetime.now(UTC), count()
    store = recorded("a1", "a3", "b1", clock=lambda: begun + timedelta(milliseconds=next(ticks)))  # no two moments are the same
    assert pace_of(Campaign.load(store, NAME), (), datetime.now(UTC)) is None
    lease = store.acquire_lease(NAME, LeaseOwner(host="node7", pid=4321, process_started=0.0, user="bob"), 60.0)
    for number, candidate in enumerate(("a2", "a4", "b2"), start=4):
        proposal = proposal_of(number, candidate=candidate, predicted_cost=2.0)
        store_evaluation(store, lease, proposal, Outcome(value=float(number)))
    found = Readings(store).reading(NAME)
    used = [
        Used(title=title, spent="", share=share) for title, share in (("Evaluations", 0.25), ("Cost", 0.5), ("Deadline", 0.9))
    ]
    now = datetime.fromtimestamp(found.columns.changed_at[found.columns.counted][3] / 1000, UTC) + timedelta(seconds=20)
    assert pace_of(found, used, now).model_dump() == {"rate": pytest.approx(0.1), "left": pytest.approx(60.0)}
    assert pace_of(found, used[2:], now).left is None
