"""A fit of hyper-parameters that fails: the last good ones serve on, and the audit says so once."""

from __future__ import annotations

from tansaku.models.domain.errors import FitError
from tansaku.models.engine.gp import GPProposer
from tansaku.models.engine.presets import settings


class Unlucky(GPProposer):
    """Fits that begin with these numbers of observations fail."""

    failing: tuple[int, ...] = ()

    def fit(self, pool, history, previous):
        if len(history.observed) in self.failing:
            raise FitError("no maximum was found")
        return super().fit(pool, history, previous)


def _warnings(bench):
    return [event for event in bench.store.events("small") if event.kind == "warning.refit"]


def _bench(open_bench, monkeypatch, failing):
    Unlucky.failing = failing
    monkeypatch.setattr("tansaku.tasks.loop.driver.loop.open_proposer", lambda spec, *_: Unlucky(settings(spec.proposer)))
    return open_bench(proposer={"type": "gp", "refit_growth": 2.0}, execution={"in_flight": 1})


def test_the_last_good_values_serve_on_and_the_audit_says_so(open_bench, monkeypatch):
    bench = _bench(open_bench, monkeypatch, failing=(6,))
    bench.drive()
    refits = bench.store.refits("small")
    assert [refit.ok for refit in refits] == [True, False, True]
    assert refits[1].hyperparameters == refits[0].hyperparameters
    assert refits[2].hyperparameters != refits[1].hyperparameters
    (event,) = _warnings(bench)
    assert event.data == {
        "refit": 2,
        "at_proposal": refits[1].at_proposal,
        "reason": "no maximum was found",
        "consequence": "the last good values are kept",
    }


def test_a_first_fit_that_fails_leaves_the_priors(open_bench, monkeypatch):
    bench = _bench(open_bench, monkeypatch, failing=(3,))
    assert bench.drive().reason == "evaluations"
    (event,) = _warnings(bench)
    assert "priors" in event.data["consequence"]


def test_a_driver_that_ends_at_a_failed_fit_leaves_one_line_and_the_same_sequence(open_bench, monkeypatch):
    whole = _bench(open_bench, monkeypatch, failing=(6,))
    whole.drive()
    at = whole.store.refits("small")[1].at_proposal
    broken = _bench(open_bench, monkeypatch, failing=(6,))
    for number in (at - 1, at):
        broken.drive(halt_at=number)
    broken.drive()
    assert broken.sequence() == whole.sequence()
    assert len(_warnings(broken)) == 1
