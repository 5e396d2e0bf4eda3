"""The campaign loop on the memory store: sequences, retries, stops, outages, fencing."""

import os
import threading
from dataclasses import replace

import psutil
import pytest

from tansaku.models.domain.errors import ConfigurationError, FencedError, LeaseHeldError, TransientError
from tansaku.models.domain.records import LeaseOwner
from tansaku.models.domain.specs.site import SiteSpec
from tansaku.models.domain.states import EvaluationState, FailureKind
from tansaku.tasks.act.commands.create import prepare_campaign
from tansaku.tasks.ground.site.processes import process_identity, this_driver
from tansaku.tasks.loop.driver.loop import CampaignLoop, drive
from tansaku.tasks.loop.ledger.observer import Observer
from tansaku.tasks.node.configuration.campaign_files import LoadedCampaign
from tests.support.actors import ADA

GP = {"type": "gp", "preset": "published"}
PROPOSERS = [GP, {"type": "gp", "preset": "default"}, {"type": "random"}, {"type": "grid"}]


_SEQUENCE = []


@pytest.fixture
def undisturbed(open_bench):
    """The sequence of the campaign to which nothing happens; computed once."""
    if not _SEQUENCE:
        bench = open_bench.driven()
        _SEQUENCE.extend(bench.sequence())
    return _SEQUENCE


@pytest.mark.parametrize("proposer", PROPOSERS, ids=lambda one: one.get("preset", one["type"]))
def test_ordered_sequence_does_not_depend_on_timing(open_bench, proposer):
    sequences = []
    for seed in range(4):
        bench = open_bench(seed=seed, proposer=proposer)
        assert bench.drive().reason == "evaluations"
        sequences.append(bench.sequence())
    assert len(sequences[0]) == 20
    assert all(sequence == sequences[0] for sequence in sequences)


def test_free_asynchrony_depends_on_timing_and_finishes(open_bench):
    execution = {"asynchrony": "free", "in_flight": 4}
    sequences = set()
    for seed in range(6):
        bench = open_bench(seed=seed, execution=execution)
        assert bench.drive().reason == "evaluations"
        sequences.add(tuple(bench.sequence()))
        assert len(bench.store.observations("small")) == 20
    assert len(sequences) > 1


@pytest.mark.parametrize(("preset", "numbers"), [("published", range(1, 20)), ("default", (1, 4, 9, 19))])
def test_resume_at_every_number_gives_the_same_sequence(open_bench, preset, numbers):
    proposer = {"type": "gp", "preset": preset}
    undisturbed = open_bench.driven(proposer=proposer)
    for k in numbers:
        bench = open_bench(seed=k, proposer=proposer)
        assert bench.drive(halt_at=k).reason == "interrupted"
        assert bench.drive().reason == "evaluations"
        assert bench.sequence() == undisturbed.sequence(), f"stopped at {k}"
        assert [refit.hyperparameters for refit in bench.store.refits("small")] == [
            refit.hyperparameters for refit in undisturbed.store.refits("small")
        ]


def test_every_number_restarted_is_the_same_campaign(open_bench, undisturbed):
    bench = open_bench(seed=3)
    for k in range(1, 20):
        assert bench.drive(halt_at=k).reason == "interrupted"
    bench.drive()
    assert bench.sequence() == undisturbed
    assert len(bench.launcher.submitted) == 20


def test_horizon_holds_back_no_more_than_in_flight(open_bench):
    bench = open_bench.driven(execution={"in_flight": 3})
    initial = [one.proposal.initial for one in bench.store.evaluations("small")].count(True)
    assert initial == 3
    for one in bench.store.evaluations("small"):
        k = one.proposal.number
        assert one.proposal.horizon == (0 if k <= initial else max(initial, k - 3))


def test_lost_jobs_are_tried_again_and_change_nothing(open_bench, undisturbed):
    bench = open_bench.driven(
        seed=5, lose=lambda candidate, count: "worker_died" if count <= 2 and candidate[-1] in "13" else None
    )
    assert bench.sequence() == undisturbed
    attempts = {one.proposal.candidate: len(one.attempts) for one in bench.store.evaluations("small")}
    assert all(count == (3 if candidate[-1] in "13" else 1) for candidate, count in attempts.items())
    assert all(one.state is EvaluationState.DONE for one in bench.store.evaluations("small"))


def test_exhausted_retries_fail_as_plumbing_and_do_not_hold_the_line(open_bench, undisturbed):
    victim = undisturbed[7]
    bench = open_bench.driven(lose=lambda candidate, count: "timeout" if candidate == victim else None)
    failed = [one for one in bench.store.evaluations("small") if one.state is EvaluationState.FAILED]
    assert [one.proposal.candidate for one in failed] == [victim]
    assert failed[0].outcome.failure.kind is FailureKind.PLUMBING
    assert len(failed[0].attempts) == 3
    assert len(bench.sequence()) == 20


def test_recorded_failures_are_science_and_do_not_stop(open_bench):
    bench = open_bench(table={"failures": range(0, 64, 5)}, proposer={"type": "grid"})
    assert bench.drive().reason == "evaluations"
    failed = [one for one in bench.store.evaluations("small") if one.state is EvaluationState.FAILED]
    assert len(failed) == 4
    assert all(one.outcome.failure.kind is FailureKind.SCIENCE and len(one.attempts) == 1 for one in failed)


def test_too_many_failures_stop(open_bench):
    budget = {"evaluations": 60, "max_failed_fraction": 0.3}
    bench = open_bench(table={"failures": range(0, 64, 2)}, proposer={"type": "grid"}, budget=budget)
    assert bench.drive().reason == "failures"
    assert 20 <= len(bench.sequence()) < 30


def test_stops_at_cost_and_when_exhausted(open_bench):
    bench = open_bench(budget={"cost": 200})
    assert bench.drive().reason == "budget"
    spent = sum(one.proposal.predicted_cost for one in bench.store.evaluations("small"))
    assert 200 - 20 < spent <= 200
    whole = open_bench(budget={}, proposer={"type": "random"})
    assert whole.drive().reason == "exhausted"
    assert len(set(whole.sequence())) == 64


def test_finished_campaign_driven_again_does_nothing(open_bench):
    bench = open_bench.driven()
    before = bench.store.evaluations("small")
    assert bench.drive().reason == "evaluations"
    assert [one.proposal for one in bench.store.evaluations("small")] == [one.proposal for one in before]
    assert len(bench.launcher.submitted) == 20


def test_foreign_result_under_our_name_is_not_accepted(open_bench):
    bench = open_bench()
    real = bench.launcher.submit
    fouled = []

    def submit(job):
        if not fouled:
            fouled.append(job.name)
            return real(type(job)(job.name, "somebody-elses-token", job.document, job.timeout))
        return real(job)

    bench.launcher.submit = submit
    bench.drive()
    first = bench.store.evaluations("small")[0]
    assert [attempt.failure.reason if attempt.failure else None for attempt in first.attempts] == ["foreign_result", None]
    assert first.state is EvaluationState.DONE


LATER, AT_ONCE = ({6, 7}, 11), ({1}, 2)
"""Calls of a method that are not answered, and the one whose answer is lost."""


@pytest.mark.parametrize(
    ("method", "outage"),
    [
        *((method, LATER) for method in ("accept_outcome", "insert_proposal", "begin_attempt", "record_handle", "campaign")),
        *((method, AT_ONCE) for method in ("acquire_lease", "set_runtime", "refits")),
    ],
)
def test_outage_of_the_store_is_waited_out(open_bench, undisturbed, method, outage):
    bench = open_bench(seed=2)
    real, calls = getattr(bench.store, method), []

    def flaky(*arguments, **options):
        calls.append(None)
        if len(calls) in outage[0]:
            raise TransientError("the database does not answer")
        answer = real(*arguments, **options)
        if len(calls) == outage[1]:
            raise TransientError("the answer was lost on its way")
        return answer

    setattr(bench.store, method, flaky)
    assert bench.drive().reason == "evaluations"
    assert bench.sequence() == undisturbed
    assert len(bench.store.observations("small")) == 20


def test_outage_longer_than_patience_ends_the_driver(open_bench):
    bench = open_bench()

    def down(*arguments, **options):
        raise TransientError("the database does not answer")

    bench.store.begin_attempt = down
    with pytest.raises(TransientError, match="does not answer"):
        bench.drive()
    assert bench.record().lease is None


def test_a_driver_that_was_taken_over_writes_nothing_more(open_bench):
    bench = open_bench()
    with CampaignLoop(bench.resources, "small") as loop:
        assert not loop.advance(0.0)
        loop._turn()
        other = LeaseOwner(host="elsewhere", pid=1, process_started=0.0, user="somebody")
        bench.store.acquire_lease("small", other, 30.0, steal=True)
        before = bench.store.evaluations("small")
        with pytest.raises(FencedError):
            loop.advance()
        assert bench.store.evaluations("small") == before
    assert bench.record().lease.owner == other


def test_living_driver_of_this_host_keeps_its_campaign(open_bench):
    bench = open_bench()
    me = this_driver()
    parent = me.model_copy(update={"pid": os.getppid()})
    started = psutil.Process(parent.pid).create_time()
    bench.store.acquire_lease("small", parent.model_copy(update={"process_started": started}), 30.0)
    with pytest.raises(LeaseHeldError, match=str(parent.pid)):
        bench.drive()


class Clock:
    """A lease of the parent process, which lives; the database's clock was set forward, so that it has expired."""

    def __init__(self, bench):
        self.owner = this_driver().model_copy(
            update={"pid": os.getppid(), "process_started": process_identity(os.getppid())["started"]}
        )
        self.lease = bench.store.acquire_lease("small", self.owner, 1e-9)


def test_living_driver_whose_lease_expired_by_the_clock_has_time_to_renew_it(open_bench):
    bench = open_bench()
    clock = Clock(bench)

    class Renewing(Observer):
        def on_wait(self, reason, seconds):
            assert str(clock.owner.pid) in reason
            bench.store.renew_lease(clock.lease, 30.0)

    with pytest.raises(LeaseHeldError, match=str(clock.owner.pid)):
        drive(bench.resources, "small", Renewing())


def test_living_driver_that_does_not_renew_an_expired_lease_is_replaced(open_bench):
    bench = open_bench()
    Clock(bench)
    site = SiteSpec(timing={"lease": 30.0, "heartbeat": 0.05, "poll": 1e-6})
    assert drive(replace(bench.resources, site=site), "small").reason == "evaluations"


def test_dead_driver_of_this_host_is_replaced_at_once(open_bench):
    bench = open_bench()
    dead = this_driver().model_copy(update={"pid": 2**22 - 1})
    bench.store.acquire_lease("small", dead, 3600.0)
    assert bench.drive().reason == "evaluations"


def test_driver_elsewhere_is_replaced_when_its_lease_runs_out(open_bench):
    bench = open_bench()
    other = LeaseOwner(host="elsewhere", pid=1, process_started=0.0, user="somebody")
    bench.store.acquire_lease("small", other, 0.3)
    assert bench.drive().reason == "evaluations"


def test_renewing_driver_elsewhere_keeps_its_campaign(open_bench):
    bench = open_bench()
    other = LeaseOwner(host="elsewhere", pid=1, process_started=0.0, user="somebody")
    lease = bench.store.acquire_lease("small", other, 0.4)
    ended = threading.Event()

    def renew():
        while not ended.wait(0.1):
            bench.store.renew_lease(lease, 0.4)

    thread = threading.Thread(target=renew)
    thread.start()
    try:
        with pytest.raises(LeaseHeldError, match="elsewhere"):
            bench.drive()
    finally:
        ended.set()
        thread.join()


def test_attempts_on_a_full_disk_do_not_count_but_for_the_last_of_very_many(open_bench):
    full = {}
    bench = open_bench.driven(
        lose=lambda candidate, count: "disk_full" if full.setdefault(candidate, len(full)) == 0 or count < 8 else None,
        budget={"evaluations": 3},
        execution={"in_flight": 3, "retries": 2, "retry_backoff": 0.0},
    )
    ended = [(one.state, len(one.attempts)) for one in bench.store.evaluations("small") if one.proposal.purpose == "search"]
    assert ended == [(EvaluationState.FAILED, 13)] + [(EvaluationState.DONE, 8)] * 2, "10, and the first one and its 2 retries"


def test_a_campaign_continues_where_its_file_lies_now(open_bench, tmp_path):
    alone, bench = open_bench(), open_bench()
    alone.drive()
    bench.drive(halt_at=8)
    elsewhere = bench.folder.rename(tmp_path / "elsewhere")
    with pytest.raises(ConfigurationError, match=r"no file .*table\.csv") as caught:
        bench.drive()
    assert "tansaku run FILE" in caught.value.hint
    prepare_campaign(bench.resources, ADA, LoadedCampaign(bench.launcher.spec, elsewhere))
    assert bench.drive().reason == "evaluations"
    assert bench.sequence() == alone.sequence()
    (event,) = bench.store.events("small", kind="moved")
    assert event.data == {"from": str(bench.folder), "to": str(elsewhere)}
    assert {document["base_path"] for document in bench.launcher.documents[-5:]} == {str(elsewhere)}


def test_a_campaign_with_a_driver_stays_where_it_is(open_bench, tmp_path):
    bench = open_bench()
    with CampaignLoop(bench.resources, "small"):
        prepare_campaign(bench.resources, ADA, LoadedCampaign(bench.launcher.spec, tmp_path))
        assert bench.record().base_path == str(bench.folder)
