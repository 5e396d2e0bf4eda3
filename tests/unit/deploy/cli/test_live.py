from __future__ import annotations

import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from rich.console import Console

from tansaku.deploy.cli.live import LiveObserver, PlainObserver, Tally, failure_line, failure_lines, watching
from tansaku.models.domain.certificate import Certificate
from tansaku.models.domain.history import cost_limit
from tansaku.models.domain.records import Refit
from tansaku.models.domain.states import EvaluationState
from tansaku.tasks.loop.ledger.summaries import summary_of
from tansaku.tasks.read.views.campaign import Campaign
from tansaku.tasks.read.views.system_names import system_label

NAME = "small-table"


def summaries(evaluations):
    return [summary_of(evaluation) for evaluation in evaluations]


@pytest.fixture
def tally(recorded):
    def build(*candidates: str, **edits: object) -> Tally:
        data = Campaign.load(recorded(*candidates, polish=("a1",) if "a1" in candidates else ()), NAME)
        spec = data.spec.model_copy(update={"budget": data.spec.budget.model_copy(update=edits)})
        pool = data.pool
        labels = {row["system"]: system_label(row) for row in data.systems}
        made = Tally(spec, labels, len(pool), float(pool.cost.sum()), cost_limit(spec.budget, pool), data.record.created_at)
        made.note(summaries(data.evaluations))
        return made

    return build


def _refit(ok: bool, recorded_at) -> Refit:
    return Refit(
        campaign=NAME,
        number=1,
        at_proposal=2,
        horizon=1,
        hyperparameters={},
        ok=ok,
        message="singular",
        fitted_at=recorded_at,
    )


@pytest.mark.parametrize(
    "limits",
    [
        {"hours": 2.0},
        {"core_hours": 4.0},
        {"deadline": datetime(2027, 1, 31, 14, tzinfo=UTC)},
        {"evaluations": 6},
        {"cost": 14.0},
    ],
    ids=lambda limits: next(iter(limits)),
)
def test_every_limit_counts_in_the_share_of_the_budget(tally, limits, monkeypatch):
    now = datetime(2027, 1, 31, 12, tzinfo=UTC)
    monkeypatch.setattr("tansaku.deploy.cli.live.monotonic", lambda: 1800.0)
    monkeypatch.setattr("tansaku.deploy.cli.live.datetime", SimpleNamespace(now=lambda _: now))
    nothing = dict.fromkeys(("evaluations", "cost", "fraction"))
    counts = tally("a1", "a3", "b2", **nothing | limits)
    counts = replace(counts, since=now - timedelta(hours=2), driven=2700.0, core_seconds=7200.0, n_candidates=100, _begun=900.0)
    assert counts.fraction == 0.5


def test_counts(tally):
    counts = tally("a1", "a3", "b2")
    assert (counts.finished, counts.cost, counts.polished) == (3, 7.0, 1)
    assert counts.best() == {"alpha": (5.0, 2), "<b>beta</b>": (7.0, 1)}
    assert [entry.candidate for entry in counts.failed] == ["a3"]
    assert counts.line() == "3 evaluations, 70 % of the exhaustive cost, 1 failed, 1 final relaxation"
    assert failure_line(counts.failed[0]).startswith("FAILED a3: recorded_failure")


def test_what_was_adopted_is_told_from_what_counts_in_the_budget(tally):
    counts = tally()
    counts.spec = counts.spec.model_copy(update={"known_first": True})
    data = [replace(item, adopted=item.number < 3) for item in tally("a1", "a2", "b1")._by_number.values()]
    counts.note(data)
    assert counts.line() == "1 evaluation, 50 % of the exhaustive cost, 0 failed, 2 known already, 1 final relaxation"


@pytest.mark.parametrize(
    ("edits", "fraction"),
    [({"cost": 4.0}, 3 / 4), ({"cost": None}, 2 / 5), ({"cost": None, "evaluations": 4}, 0.5), ({"cost": 2.0}, 1.0)],
)
def test_progress_is_the_budget_limit_that_is_nearest(tally, edits, fraction):
    assert tally("a1", "b1", **edits).fraction == pytest.approx(fraction)


def test_maximising_shows_the_highest(tally, recorded):
    counts = tally("a1", "a2")
    objective = counts.spec.objective.model_copy(update={"direction": "maximize"})
    counts.spec = counts.spec.model_copy(update={"objective": objective})
    assert counts.best()["alpha"] == (5.0, 2)


def test_plain_lines_tell_start_failures_and_end(recorded, capsys):
    store = recorded("a1", "a3", "b1")
    evaluations = store.evaluations(NAME)
    observer = PlainObserver()
    observer.on_start(store.campaign(NAME), summaries(evaluations[:1]))
    for evaluation in evaluations[1:]:
        observer.on_proposal(evaluation)
        observer.on_outcome(evaluation)
    observer.on_refit(_refit(True, evaluations[0].proposed_at))
    observer.on_refit(_refit(False, evaluations[0].proposed_at))
    observer.on_wait("the database does not answer", 5.0)
    observer.on_stop("budget")
    captured = capsys.readouterr()
    assert captured.out == ""
    lines = captured.err.splitlines()
    assert lines[0] == "small-table: continues after 1 evaluation, 20 % of the exhaustive cost, 0 failed"
    assert lines[1].startswith("FAILED a3: ")
    assert lines[2].startswith("refit 1 failed")
    assert lines[3] == "waiting up to 5 s: the database does not answer"
    assert lines[4] == "ended (budget): 3 evaluations, 70 % of the exhaustive cost, 1 failed"


def test_the_same_failure_again_is_counted_and_not_written_again(recorded, capsys):
    store = recorded("a1", "a3", "b1")
    failed = next(one for one in store.evaluations(NAME) if one.state is EvaluationState.FAILED)
    again = [
        failed.model_copy(update={"proposal": failed.proposal.model_copy(update={"number": 10 + i, "candidate": f"x{i}"})})
        for i in range(3)
    ]
    plain = PlainObserver()
    plain.on_start(store.campaign(NAME), [])
    for one in again:
        plain.on_outcome(one)
    plain.on_outcome(store.evaluations(NAME)[0])
    plain.on_outcome(again[0])
    plain.on_stop("configuration")
    said = capsys.readouterr().err.splitlines()[1:-1]
    assert said[0].startswith("FAILED x0: recorded_failure")
    assert said[1] == "       and 2 more with the same failure, most recently x2"
    assert said[2] == said[0]
    assert (
        failure_lines(summaries([*again, store.evaluations(NAME)[0]]))[0]
        == failure_line(summary_of(again[0])) + " (and 2 more)"
    )


def test_the_live_display_shows_bar_best_and_failures_literally(recorded):
    store = recorded("a1", "a3", "b1")
    observer = LiveObserver()
    try:
        observer.on_start(store.campaign(NAME), summaries(store.evaluations(NAME)[:2]))
        observer.on_outcome(store.evaluations(NAME)[2])
        screen = Console(file=io.StringIO(), width=120)
        screen.print(observer.render())
    finally:
        observer.close()
    shown = screen.file.getvalue()
    for expected in ("small-table", "88 % of the budget", "alpha 5 (2)", "<b>beta</b> 9 (1)", "FAILED a3"):
        assert expected in shown


def _certificate(*, stops: bool) -> Certificate:
    known = {"number": 20, "horizon": 19, "searched": 19, "confidence": 0.95, "tolerance": 3.0, "unit": "mJ/m2"}
    return Certificate.model_validate(known | {"within": 5.0, "probability": 0.97, "stops": stops})


def test_what_may_remain_is_on_the_screen_and_in_the_last_line(recorded, capsys):
    store = recorded("a1", "a3", "b1")
    observer = LiveObserver()
    try:
        observer.on_start(store.campaign(NAME), summaries(store.evaluations(NAME)))
        observer.on_certificate(_certificate(stops=False))
        screen = Console(file=io.StringIO(), width=160)
        screen.print(observer.render())
    finally:
        observer.close()
    shown = screen.file.getvalue()
    assert "Certificate (97 %): nothing better by more than 5 mJ/m2 remains; with 95 %: nothing better by more than 3" in shown
    plain = PlainObserver()
    plain.on_start(store.campaign(NAME), summaries(store.evaluations(NAME)))
    capsys.readouterr()
    plain.on_certificate(_certificate(stops=False))
    assert capsys.readouterr().err == ""
    plain.on_certificate(_certificate(stops=True))
    assert capsys.readouterr().err == "Certificate (97 %): nothing better by more than 5 mJ/m2 remains (certain)\n"
    plain.on_stop("certain")
    assert (
        capsys.readouterr().err.splitlines()[1] == "Certificate (97 %): nothing better by more than 5 mJ/m2 remains (certain)"
    )


def test_the_same_certificate_is_not_said_twice(recorded, capsys, monkeypatch):
    monkeypatch.setattr("tansaku.deploy.cli.live._LINE_EVERY", 0.0)
    store = recorded("a1", "b1")
    plain = PlainObserver()
    plain.on_start(store.campaign(NAME), [])
    for tolerance in (3.0, 3.0, 2.0):
        plain.on_certificate(_certificate(stops=False).model_copy(update={"tolerance": tolerance}))
        plain.on_outcome(store.evaluations(NAME)[0])
    said = [line for line in capsys.readouterr().err.splitlines() if "remains" in line]
    assert len(said) == 2


def test_no_terminal_no_live_display():
    with watching() as observer:
        assert isinstance(observer, PlainObserver)


def test_counts_follow_what_changes(tally, recorded):
    counts = tally("a1", "a3", "b2")
    failed = counts.failed[0]
    counts.note([replace(failed, state=EvaluationState.SUBMITTING, value=None, failure=None)])
    assert (counts.finished, counts.cost, counts.failed) == (2, 7.0 - failed.predicted_cost, [])
    counts.note([failed])
    assert (counts.finished, counts.cost, counts.failed) == (3, 7.0, [failed])
    assert counts.best()["alpha"] == (5.0, 2)


@pytest.mark.parametrize("kind", [PlainObserver, LiveObserver])
def test_an_edit_of_the_budget_reaches_the_counts(tally, recorded, kind):
    counts, observer = tally("a1", "a3", "b2", cost=None, evaluations=6), kind()
    observer._tally = counts
    assert counts.fraction == 0.6
    observer.on_edit(counts.spec.model_copy(update={"budget": counts.spec.budget.model_copy(update={"evaluations": 4})}), None)
    assert counts.fraction == 0.75
    observer.on_edit(counts.spec, counts.cost)
    assert counts.fraction == 1.0
