"""A search that stops when its answer is known: at the same number always, for good, and only if the spec says so."""

import pytest

from tansaku.deploy.cli import inspection
from tansaku.models.domain.states import CampaignState, StopReason
from tansaku.tasks.act.replay.records import ReplayTask
from tansaku.tasks.act.replay.run import run_one
from tansaku.tasks.loop.steps.certificates import stored_certificates
from tansaku.tasks.read.views.campaign import Campaign
from tansaku.tasks.read.views.status import campaign_status

RULE = {"within": "40 mJ/m2", "probability": 0.5, "every": 2}
PROPOSER = {"type": "gp", "preset": "default"}


_SEQUENCE = []


@pytest.fixture
def sequence(open_bench):
    """Of the campaign that stops, undisturbed; computed once."""
    if not _SEQUENCE:
        bench = open_bench(proposer=PROPOSER, budget={"stop": RULE})
        bench.drive()
        _SEQUENCE.extend(bench.sequence())
    return _SEQUENCE


def certificates(bench):
    return stored_certificates(bench.store.events("small"))


@pytest.fixture
def stopped(open_bench):
    bench = open_bench(proposer=PROPOSER, budget={"stop": RULE})
    assert bench.drive().reason == "certain"
    return bench


def test_it_stops_before_everything_is_computed_and_says_why(stopped):
    searched = len(stopped.sequence())
    assert 4 < searched < 64
    reasons = [one for one in certificates(stopped) if one.stops and one.number == searched + 1]
    assert reasons
    assert reasons[0].probability >= 0.5
    assert (reasons[0].number - 1, reasons[0].number % 2) == (searched, 0)
    status = campaign_status(stopped.store, "small")
    assert (status.state, status.stop_reason) == (CampaignState.FINISHED, StopReason.CERTAIN)
    assert "nothing better by more than 40 mJ/m2 remains" in status.describe()


@pytest.mark.parametrize("seed", [1, 2])
def test_timing_does_not_move_the_stop(open_bench, sequence, seed):
    other = open_bench(proposer=PROPOSER, budget={"stop": RULE}, seed=seed)
    other.drive()
    assert other.sequence() == sequence


def test_a_driver_killed_now_and_then_stops_at_the_same_number(open_bench, sequence):
    other = open_bench(proposer=PROPOSER, budget={"stop": RULE})
    for at in (3, 9, 12, 15):
        other.drive(halt_at=at)
    assert other.drive().reason == "certain"
    assert other.sequence() == sequence


def test_a_stopped_search_stays_stopped(stopped):
    sequence = stopped.sequence()
    assert stopped.drive().reason == "certain"
    assert stopped.sequence() == sequence


def test_a_replay_stops_where_the_campaign_does(stopped):
    task = ReplayTask(
        spec=stopped.launcher.spec, base_path=str(stopped.folder), method="spec", seed=0, in_flight=3, count_initial=True
    )
    run = run_one(task)
    assert (run.candidates, run.stop) == (stopped.sequence(), "certain")


def test_an_edit_of_the_rule_opens_it_again(stopped):
    searched = len(stopped.sequence())
    stopped.command("edit", **{"budget.stop": None, "budget.evaluations": searched + 3})
    assert stopped.drive().reason == "evaluations"
    assert len(stopped.sequence()) == searched + 3


def test_without_a_rule_it_says_what_it_knows_and_never_stops(open_bench):
    bench = open_bench(proposer=PROPOSER, budget={"evaluations": 60})
    assert bench.drive().reason == "evaluations"
    drawn = certificates(bench)
    assert [one.number for one in drawn if one.number % 10 == 0] == [10, 20, 30, 40, 50, 60]
    assert not any(one.stops for one in drawn)
    final = campaign_status(bench.store, "small").certificate
    assert final == drawn[-1]
    assert (final.number, final.horizon, final.searched) == (61, 60, 60)
    assert final.tolerance is not None
    assert drawn[0].tolerance is None
    some = [one for one in drawn if one.tolerance is None and any(value is not None for value in one.tolerances.values())]
    assert all(one.known is not None and " of 3 systems: nothing better" in one.describe() for one in some)
    shown = inspection._certificate(Campaign.load(bench.store, "small"))["certificate"]
    assert shown["says"].startswith("Certificate (95 %): nothing better by more than")
    assert shown["tolerance"] == final.tolerance


def test_looking_changes_no_choice(open_bench, monkeypatch):
    watched = open_bench(proposer=PROPOSER, budget={"evaluations": 40})
    watched.drive()
    monkeypatch.setattr("tansaku.tasks.loop.steps.certificates.EVERY", 10_000)
    unwatched = open_bench(proposer=PROPOSER, budget={"evaluations": 40})
    unwatched.drive()
    assert watched.sequence() == unwatched.sequence()
    assert len(certificates(watched)) > len(certificates(unwatched)) == 1


def test_a_proposer_without_a_model_certifies_nothing(open_bench):
    bench = open_bench(proposer={"type": "random"}, budget={"evaluations": 12})
    bench.drive()
    assert certificates(bench) == []


@pytest.mark.parametrize(("key", "value"), [("within", "0.0001 mJ/m2"), ("probability", 0.999), ("every", 7)])
def test_every_part_of_the_rule_matters(open_bench, sequence, key, value):
    other = open_bench(proposer=PROPOSER, budget={"stop": RULE | {key: value}, "evaluations": 63})
    other.drive()
    assert len(other.sequence()) != len(sequence)
