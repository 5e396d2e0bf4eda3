"""Each event has a mark that stays as long as it holds and differs from that of the next one."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tansaku.models.domain.notifications import Happening
from tansaku.models.domain.states import CampaignState
from tansaku.tasks.act.notifications.events import events_of
from tansaku.tasks.read.views.headline import Best
from tansaku.tasks.read.views.readings import CampaignLine
from tests.unit.tasks.act.notifications.conftest import NOON


def line(**changes: object) -> CampaignLine:
    return CampaignLine(
        id="id",
        name="al",
        state=CampaignState.RUNNING,
        stop_reason=None,
        best=62.5,
        unit="mJ/m2",
        candidate="c1",
        relaxed=None,
        drivers=2,
        evaluations=7,
        failed=0,
        cost=3.0,
        cost_unit=None,
        limit=None,
        driver=None,
        updated=NOON,
        problem=None,
    ).model_copy(update=changes)


def marks(known: CampaignLine, minutes: float = 0.0) -> dict[Happening, str]:
    return {event.happening: event.mark for event in events_of(known, NOON + timedelta(minutes=minutes), lambda: "30, 8")}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, {}),
        ({"state": CampaignState.FINISHED, "stop_reason": "budget"}, {Happening.FINISHED: "7-budget"}),
        ({"stop_reason": "budget"}, {}),  # its final relaxation is not over
        ({"failed": 1}, {Happening.FAILED: "1"}),
        ({"failed": 7}, {Happening.FAILED: "4"}),
        ({"failed": 8}, {Happening.FAILED: "8"}),
        ({"state": CampaignState.WAITING, "pending": 7}, {Happening.NEEDS_VALUE: "7"}),
        ({"state": CampaignState.WAITING, "pending": 7, "adopted": 4}, {Happening.NEEDS_VALUE: "11"}),
        ({"state": CampaignState.WAITING, "pending": 6}, {}),  # somebody has begun to answer
        ({"silence": "nothing was heard"}, {Happening.STUCK: "2"}),
        ({"used": 0.89}, {}),
        ({"used": 0.9}, {Happening.BUDGET: "30, 8"}),
        ({"used": 1.0, "stop_reason": "budget", "state": CampaignState.FINISHED}, {Happening.FINISHED: "7-budget"}),
    ],
)
def test_what_is_told_of_a_campaign(changes, expected):
    assert marks(line(**changes)) == expected


def test_a_campaign_that_was_answered_waits_anew_after_an_hour():
    answered = line(state=CampaignState.WAITING, pending=2)
    assert marks(answered, 59) == {}
    assert marks(answered, 61) == {Happening.NEEDS_VALUE: "7"}
    (event,) = events_of(answered, NOON + timedelta(hours=2), lambda: "")
    assert event.title == "al waits for 2 values"


def test_a_campaign_without_a_driver_is_stuck_after_ten_minutes():
    left = line(state=CampaignState.INTERRUPTED)
    assert marks(left, 9) == {}
    assert marks(left, 11) == {Happening.STUCK: "2"}


def test_an_end_is_told_with_its_best_value():
    (event,) = events_of(line(state=CampaignState.FINISHED, stop_reason="budget", failed=0), NOON, lambda: "")
    assert event.title == "al has ended: its cost was spent"
    assert event.text == "best 62.5 mJ/m2 (c1); 7 evaluations, 0 failed"


def test_an_end_is_told_with_the_value_of_the_final_relaxation():
    relaxed = Best(number=9, candidate="c2", value=59.0)
    (event,) = events_of(line(state=CampaignState.FINISHED, stop_reason="budget", relaxed=relaxed), NOON, lambda: "")
    assert event.text.startswith("best after the final relaxation 59 mJ/m2 (c2); ")
