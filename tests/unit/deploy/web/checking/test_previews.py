"""What the check of a new campaign says of cost and time."""

from __future__ import annotations

import pytest

from tansaku.deploy.web.checking import facts_of
from tansaku.tasks.act.checks.check import CampaignPreview

PREVIEW = CampaignPreview(
    name="many",
    spec_hash="0" * 64,
    candidates=1000,
    surfaces=10,
    systems=(),
    features={},
    exhaustive_cost=60_000.0,
    cost_unit="core-seconds",
    limit=None,
    share=None,
    expected_evaluations=100,
    most_evaluations=120,
    proposer="gp",
    initial=tuple("abcdefg"),
    designed=7,
    left=1000,
    initial_cost=420.0,
    calculator=None,
    unit="eV",
    polish=0,
    transfer=("the table x: 3 observations",),
)


def facts(in_flight: int = 2, **changes: object) -> dict[str, str]:
    return {fact.title: fact.text for fact in facts_of(PREVIEW.model_copy(update=changes), in_flight, ())}


def test_the_cost_is_the_limit_or_what_the_evaluations_sum_up_to():
    assert facts()["Cost"] == "no limit; about 6,000 of the 60,000 core-seconds that all candidates would cost"
    limited = facts(limit=1500.0, share=0.025)["Cost"]
    assert limited == "at most 1,500 core-seconds, 2.5 % of the 60,000 core-seconds that all candidates would cost"
    assert facts(cost_unit=None)["Cost"] == "no limit; about 6,000 of the 60,000 that all candidates would cost"


@pytest.mark.parametrize(("in_flight", "time"), [(100, "60 s"), (50, "2 min"), (2, "50 min"), (1, "100 min")])
def test_the_time_falls_with_the_evaluations_in_flight(in_flight, time):
    assert facts(in_flight)["Time"].startswith(f"about {time} with {in_flight} in flight on one core each")


def test_the_time_is_not_told_where_the_cost_is_none():
    assert facts(cost_unit=None)["Time"] == "not known before something was measured"
    assert facts(exhaustive_cost=6e8)["Time"].startswith("about 347 d ")


def test_only_the_first_evaluations_are_named_and_what_there_is_not_is_left_out():
    found = facts()
    assert (found["First evaluations"], found["Learns from"]) == ("a, b, c, d, e …", PREVIEW.transfer[0])
    assert "Crystal" not in found
    assert not {"Engine", "Stops"} & found.keys()


def test_the_engine_and_the_rule_that_stops_the_search_are_named():
    found = facts(engine="5, for few evaluations", stop="when the answer is known")
    assert (found["Engine"], found["Stops"]) == ("5, for few evaluations", "when the answer is known")
