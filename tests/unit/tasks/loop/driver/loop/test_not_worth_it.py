"""A search that stops when the next evaluation is not worth its cost: three checks in a row, wherever it was interrupted."""

import pytest

from tansaku.models.domain.states import CampaignState, StopReason
from tansaku.tasks.act.replay.records import ReplayTask
from tansaku.tasks.act.replay.run import run_one
from tansaku.tasks.loop.steps.certificates import stored_certificates
from tansaku.tasks.read.views.status import campaign_status

RULE = {"when": "not_worth_it", "worth": "0.1 mJ/m2 per evaluation"}
PROPOSER = {"type": "gp", "preset": "default"}


def certificates(bench):
    return stored_certificates(bench.store.events("small"))


_SEQUENCE = []


@pytest.fixture
def stopped(open_bench):
    bench = open_bench(proposer=PROPOSER, budget={"stop": RULE})
    assert bench.drive().reason == "not_worth_it"
    _SEQUENCE[:] = bench.sequence()
    return bench


@pytest.fixture
def sequence(open_bench):
    """Of the campaign that stops, undisturbed; computed once."""
    if not _SEQUENCE:
        bench = open_bench(proposer=PROPOSER, budget={"stop": RULE})
        bench.drive()
        _SEQUENCE.extend(bench.sequence())
    return _SEQUENCE


def test_it_stops_after_three_checks_in_a_row_with_five_results_of_each_system(stopped):
    drawn = {item.number: item for item in certificates(stopped) if item.worth is not None}
    last = len(stopped.sequence()) + 1
    rates = [drawn[number].rates[-1] for number in (last - 2, last - 1, last)]
    assert drawn[last].rates == tuple(rates)
    assert all(rate is not None and rate < 0.1 for rate in rates)
    assert [number for number, one in drawn.items() if one.stops] == [last]
    for number, one in drawn.items():
        unknown = one.outlook is not None and bool(one.outlook.short)
        assert (one.rates[-1] is None) == unknown, number
    status = campaign_status(stopped.store, "small")
    assert (status.state, status.stop_reason) == (CampaignState.FINISHED, StopReason.NOT_WORTH_IT)
    assert "(not_worth_it)" in status.describe()


def test_a_driver_killed_now_and_then_stops_at_the_same_number(open_bench, sequence):
    last = len(sequence)
    other = open_bench(proposer=PROPOSER, budget={"stop": RULE})
    for at in (5, last - 2, last - 1):
        other.drive(halt_at=at)
    assert other.drive().reason == "not_worth_it"
    assert other.sequence() == sequence
    assert other.drive().reason == "not_worth_it"
    assert other.sequence() == sequence


def test_timing_does_not_move_the_stop(open_bench, sequence):
    other = open_bench(proposer=PROPOSER, budget={"stop": RULE}, seed=2)
    other.drive()
    assert other.sequence() == sequence


def test_a_replay_stops_where_the_campaign_does(stopped):
    task = ReplayTask(
        spec=stopped.launcher.spec, base_path=str(stopped.folder), method="spec", seed=0, in_flight=3, count_initial=True
    )
    run = run_one(task)
    assert (run.candidates, run.stop) == (stopped.sequence(), "not_worth_it")


def test_it_goes_on_where_less_is_asked(stopped):
    searched = len(stopped.sequence())
    stopped.command("edit", **{"budget.stop.worth": "0.000001 mJ/m2 per evaluation", "budget.evaluations": searched + 2})
    assert stopped.drive().reason == "evaluations"
    assert len(stopped.sequence()) == searched + 2


@pytest.mark.parametrize(
    ("key", "value"), [("worth", "40 mJ/m2 per evaluation"), ("worth", "0.1 mJ/m2 per cost"), ("every", 4)]
)
def test_every_part_of_the_rule_matters(open_bench, sequence, key, value):
    other = open_bench(proposer=PROPOSER, budget={"stop": RULE | {key: value}, "evaluations": 63})
    other.drive()
    assert len(other.sequence()) != len(sequence)


def test_a_search_ends_with_what_further_evaluations_gain(open_bench):
    bench = open_bench(proposer=PROPOSER, budget={"evaluations": 30})
    bench.drive()
    (said,) = campaign_status(bench.store, "small").further
    assert said.startswith("Another 5 evaluations are expected to lower the best of 3 systems by ")
    early = certificates(bench)[0].outlook
    assert early.short
    assert early.evaluations == sum(5 - have for have in early.short.values())
