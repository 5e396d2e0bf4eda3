"""A search that stops when its answer is known, or the next evaluation is not worth its cost: at the same number always."""

import pytest

from tansaku.deploy.cli import inspection
from tansaku.models.domain.states import CampaignState, StopReason
from tansaku.tasks.act.replay.records import ReplayTask
from tansaku.tasks.act.replay.run import run_one
from tansaku.tasks.loop.steps.certificates import stored_certificates
from tansaku.tasks.read.views.campaign import Campaign
from tansaku.tasks.read.views.status import campaign_status

RULES = {
    "certain": {"within": "40 mJ/m2", "probability": 0.5, "every": 2},
    "not_worth_it": {"when": "not_worth_it", "worth": "0.1 mJ/m2 per evaluation"},
}
PROPOSER = {"type": "gp", "preset": "default"}
each_rule = pytest.mark.parametrize("rule", RULES)

_SEQUENCES = {}


def certificates(bench):
    return stored_certificates(bench.store.events("small"))


@pytest.fixture
def stopped(open_bench, rule):
    bench = open_bench(proposer=PROPOSER, budget={"stop": RULES[rule]})
    assert bench.drive().reason == rule
    _SEQUENCES[rule] = bench.sequence()
    return bench


@pytest.fixture
def sequence(rule, request):
    """Of the campaign that stops, undisturbed; computed once."""
    if rule not in _SEQUENCES:
        request.getfixturevalue("stopped")
    return _SEQUENCES[rule]


@pytest.mark.parametrize("rule", ["certain"])
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


@pytest.mark.parametrize("rule", ["not_worth_it"])
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


def test_it_does_not_stop_before_as_many_results_as_are_wanted(open_bench):
    """With fewer there is no value to beat, which is no gain of zero."""
    stop = {"when": "not_worth_it", "worth": "1000 mJ/m2 per evaluation"}
    wanted = {"goal": {"type": "top_k", "k": 12}}
    bench = open_bench(proposer=PROPOSER, objective=wanted, budget={"stop": stop, "evaluations": 30})
    assert bench.drive().reason == "not_worth_it"
    drawn = {item.number: item for item in certificates(bench) if item.worth is not None}
    assert all(item.outlook.needed == 12 and item.rates[-1] is None for item in drawn.values() if item.number <= 12)
    assert len(bench.sequence()) > 12


@pytest.fixture
def surprising(open_bench):
    """Opens a campaign whose stop rule ends the search while a far better value than expected is in progress.

    Returns:
        What opens it with a seed of its timing, and the candidates before it stopped.
    """
    stop = {"when": "not_worth_it", "worth": "3 mJ/m2 per evaluation"}
    how = {"proposer": PROPOSER, "budget": {"stop": stop}, "execution": {"in_flight": 4}}
    before = open_bench.driven(**how).sequence()

    def build(seed: int = 0):
        return open_bench(seed=seed, table={"values": {before[-3]: -300.0}}, **how)

    return build, before


def test_a_value_that_comes_after_the_stop_opens_the_search_again(surprising):
    build, before = surprising
    first = build()
    assert first.drive().reason == "not_worth_it"
    sequence, drawn = first.sequence(), certificates(first)
    assert sequence[: len(before)] == before
    assert len(sequence) > len(before)
    assert [item.stops for item in drawn if item.number == len(before) + 1] == [True, False]
    assert campaign_status(first.store, "small").certificate.horizon == len(sequence)
    for seed in (1, 2):
        other = build(seed)
        for at in (len(before) - 1, len(before), len(before) + 1, len(before) + 2):
            other.drive(halt_at=at)
        assert other.drive().reason == "not_worth_it"
        assert other.sequence() == sequence
    task = ReplayTask(
        spec=first.launcher.spec, base_path=str(first.folder), method="spec", seed=0, in_flight=4, count_initial=True
    )
    assert run_one(task).candidates == sequence


@pytest.mark.parametrize(("rule", "seed"), [("certain", 1), ("certain", 2), ("not_worth_it", 2)])
def test_timing_does_not_move_the_stop(open_bench, sequence, rule, seed):
    other = open_bench.driven(proposer=PROPOSER, budget={"stop": RULES[rule]}, seed=seed)
    assert other.sequence() == sequence


@each_rule
def test_a_driver_killed_now_and_then_stops_at_the_same_number_and_stays_stopped(open_bench, sequence, rule):
    last = len(sequence)
    other = open_bench(proposer=PROPOSER, budget={"stop": RULES[rule]})
    for at in (3, 9, last - 2, last - 1):
        other.drive(halt_at=at)
    for _ in range(2):
        assert other.drive().reason == rule
        assert other.sequence() == sequence


@each_rule
def test_a_replay_stops_where_the_campaign_does(stopped, rule):
    task = ReplayTask(
        spec=stopped.launcher.spec, base_path=str(stopped.folder), method="spec", seed=0, in_flight=3, count_initial=True
    )
    run = run_one(task)
    assert (run.candidates, run.stop) == (stopped.sequence(), rule)


@pytest.mark.parametrize(
    ("rule", "edit"),
    [("certain", {"budget.stop": None}), ("not_worth_it", {"budget.stop.worth": "0.000001 mJ/m2 per evaluation"})],
)
def test_an_edit_of_the_rule_opens_it_again(stopped, edit):
    searched = len(stopped.sequence())
    stopped.command("edit", **edit, **{"budget.evaluations": searched + 2})
    assert stopped.drive().reason == "evaluations"
    assert len(stopped.sequence()) == searched + 2


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
    watched = open_bench.driven(proposer=PROPOSER, budget={"evaluations": 40})
    monkeypatch.setattr("tansaku.tasks.loop.steps.certificates.interval_of", lambda _budget: 10_000)
    unwatched = open_bench.driven(proposer=PROPOSER, budget={"evaluations": 40})
    assert watched.sequence() == unwatched.sequence()
    assert len(certificates(watched)) > len(certificates(unwatched)) == 1


def test_a_proposer_without_a_model_certifies_nothing(open_bench):
    bench = open_bench.driven(proposer={"type": "random"}, budget={"evaluations": 12})
    assert certificates(bench) == []


@pytest.mark.parametrize(
    ("rule", "key", "value"),
    [
        ("certain", "within", "0.0001 mJ/m2"),
        ("certain", "probability", 0.999),
        ("certain", "every", 7),
        ("not_worth_it", "worth", "40 mJ/m2 per evaluation"),
        ("not_worth_it", "worth", "0.1 mJ/m2 per cost"),
        ("not_worth_it", "every", 4),
    ],
)
def test_every_part_of_the_rule_matters(open_bench, sequence, rule, key, value):
    other = open_bench.driven(proposer=PROPOSER, budget={"stop": RULES[rule] | {key: value}, "evaluations": 63})
    assert len(other.sequence()) != len(sequence)


def test_a_search_ends_with_what_further_evaluations_gain(open_bench):
    bench = open_bench.driven(proposer=PROPOSER, budget={"evaluations": 30})
    (said,) = campaign_status(bench.store, "small").further
    assert said.startswith("Another 5 evaluations are expected to lower the best of 3 systems by ")
    early = certificates(bench)[0].outlook
    assert early.short
    assert early.evaluations == sum(5 - have for have in early.short.values())
