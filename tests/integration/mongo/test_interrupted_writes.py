"""A driver is killed, or stopped and overtaken, before and after every single database write it does."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from pymongo.database import Database
from pymongo.errors import AutoReconnect

from tansaku.models.domain.errors import FencedError, LeaseHeldError, StoreError, TransientError
from tansaku.models.domain.records import (
    Command,
    Failure,
    Lease,
    LeaseOwner,
    Outcome,
    Proposal,
    Refit,
)
from tansaku.models.domain.retraining import Retrain, RetrainEnd
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.states import EvaluationState, FailureKind
from tansaku.tasks.act.commands.export_import import export_observations, import_observations
from tansaku.tasks.backends.stores.mongo import MongoCampaignStore
from tests.support.records import NOW, campaign_record

LOST = Failure(kind=FailureKind.PLUMBING, reason="timeout", message="too long")
OVERLAP = Failure(kind=FailureKind.SCIENCE, reason="overlap", message="too close")
FIRST = LeaseOwner(host="one", pid=1, process_started=1.0, user="ada")
SECOND = LeaseOwner(host="two", pid=2, process_started=2.0, user="bob")
TABLE = {"type": "table", "candidates": "t.csv", "columns": {"id": "id", "value": "e"}, "features": {"x": {"columns": ["x"]}}}
SPEC = CampaignSpec.model_validate(
    {"schema_version": 1, "name": "c", "space": TABLE, "objective": {"unit": "eV"}, "budget": {"evaluations": 9}}
)
RECORD = campaign_record(SPEC, name="c")
RETRAIN = Retrain(
    campaign="c",
    number=1,
    at_proposal=3,
    horizon=2,
    uses_from=3,
    model="m",
    dataset="d" * 64,
    observations=1,
    reason="every",
    begun_at=NOW,
)
RETRAIN_END = RetrainEnd(
    campaign="c", number=1, uses_from=3, ok=True, version="m@1", weights="w" * 64, promoted=True, ended_at=NOW
)
OUTCOMES = {1: Outcome(value=0.1 + 0.2), 2: Outcome(failure=OVERLAP), 3: Outcome(value=-1 / 3)}


def proposal(number: int) -> Proposal:
    return Proposal(number=number, candidate=f"c{number}", system="s", surface="", source="x", predicted_cost=1.0, model="test")


def drive(store: MongoCampaignStore, lease: Lease) -> None:
    """A whole small campaign; every step may have been done before."""
    for number, outcome in OUTCOMES.items():
        if number == 2:
            store.insert_refit(
                lease, Refit(campaign="c", number=1, at_proposal=2, horizon=1, hyperparameters={"l": 0.3}, fitted_at=NOW)
            )
        if number == 3:
            store.insert_retrain(lease, RETRAIN)
            store.end_retrain(lease, RETRAIN_END)
        evaluation = store.insert_proposal(lease, proposal(number))
        if number == 3 and len(evaluation.attempts) < 2:
            first = store.begin_attempt(lease, evaluation.id, 1, "lost", "job-lost")
            store.mark_lost(lease, evaluation.id, first.attempts[0].token, LOST, 0.0)
        attempt = 2 if number == 3 else 1
        begun = store.begin_attempt(lease, evaluation.id, attempt, f"token-{lease.epoch}-{number}", f"job-{number}")
        token = begun.attempts[-1].token
        store.record_handle(lease, evaluation.id, token, {"job": number})
        store.mark_running(lease, evaluation.id, token)
        assert store.accept_outcome(lease, evaluation.id, token, outcome)
    store.apply_command(lease, "stop", 4, None)


def prepare(database: Database) -> MongoCampaignStore:
    store = MongoCampaignStore(database)
    store.create_campaign(RECORD)
    store.add_command("c", Command(id="stop", kind="cancel", created_at=NOW))
    return store


def summary(store: MongoCampaignStore) -> dict[str, object]:
    """What may not depend on interruptions: everything but times, tokens, epochs and the audit's takeovers."""
    record = store.campaign("c")
    return {
        "numbers": (record.last_number, record.last_refit, [one.applied_at_number for one in record.commands]),
        "evaluations": [
            (one.proposal, one.state, one.outcome, len(one.attempts), one.attempts[-1].handle) for one in store.evaluations("c")
        ],
        "observations": [(one.id, one.number, one.value, one.state, one.reason) for one in store.observations("c")],
        "refits": store.refits("c"),
        "retrains": store.retrains("c"),
        "ends": [event.data["number"] for event in store.events("c") if event.kind in ("evaluation.done", "evaluation.failed")],
    }


EXPECTED_STATES = [EvaluationState.DONE, EvaluationState.FAILED, EvaluationState.DONE]


@pytest.fixture
def undisturbed(mongo_database: Database) -> dict[str, object]:
    store = prepare(mongo_database)
    drive(store, store.acquire_lease("c", FIRST, 60.0))
    expected = summary(store)
    assert [state for _, state, *_ in expected["evaluations"]] == EXPECTED_STATES
    clear(mongo_database)
    return expected


def clear(database: Database) -> None:
    for name in ("campaigns", "evaluations", "observations", "refits", "retrains", "events"):
        database[name].delete_many({})


def raising(error: BaseException | type[BaseException]) -> Callable[[], None]:
    def fail() -> None:
        raise error

    return fail


def every_write(run: Callable[[int, bool], bool]) -> int:
    """Calls ``run(n, after)`` for n = 1, 2, … before and after each write until there is no n-th; returns how many."""
    at = 1
    while True:
        hits = [run(at, after) for after in (False, True)]
        if not any(hits):
            return at - 1
        at += 1


def test_driver_killed_at_every_write_is_completed_by_the_next(
    mongo_database: Database, undisturbed: dict[str, object], interrupted: Callable, killed: type[BaseException]
) -> None:
    def run(at: int, after: bool) -> bool:
        clear(mongo_database)
        prepare(mongo_database)
        database, interruption = interrupted(mongo_database, at, after, raising(killed))
        store = MongoCampaignStore(database)
        with suppress(killed):
            drive(store, store.acquire_lease("c", FIRST, 60.0))
        fresh = MongoCampaignStore(mongo_database)
        drive(fresh, fresh.acquire_lease("c", SECOND, 60.0, steal=True))
        assert summary(fresh) == undisturbed, f"write {at}, {'after' if after else 'before'}"
        assert mongo_database["campaigns"].find_one()["outbox"] == []
        return interruption.hit

    assert every_write(run) > 30


def test_driver_stopped_at_every_write_and_overtaken_changes_nothing_more(
    mongo_database: Database, undisturbed: dict[str, object], interrupted: Callable
) -> None:
    finished = []

    def run(at: int, after: bool) -> bool:
        clear(mongo_database)
        prepare(mongo_database)
        overtaker = MongoCampaignStore(mongo_database)

        def overtake() -> None:
            drive(overtaker, overtaker.acquire_lease("c", SECOND, 60.0, steal=True))

        database, interruption = interrupted(mongo_database, at, after, overtake)
        store = MongoCampaignStore(database)
        refused = False
        try:
            drive(store, store.acquire_lease("c", FIRST, 60.0))
        except (FencedError, LeaseHeldError):
            refused = True
        assert summary(overtaker) == undisturbed, f"write {at}, {'after' if after else 'before'}"
        record = overtaker.campaign("c")
        assert record.lease is not None
        assert record.lease.owner == (SECOND if interruption.hit else FIRST)
        if interruption.hit and not refused:
            finished.append((at, after))
        return interruption.hit

    total = every_write(run)
    assert total > 30
    # Overtaken once its last command is applied, a driver has nothing left that could be refused.
    assert finished == [(total - 1, True), (total, False), (total, True)]


def test_reply_lost_at_every_write_is_made_good_by_the_same_driver(
    mongo_database: Database, undisturbed: dict[str, object], interrupted: Callable
) -> None:
    def run(at: int, after: bool) -> bool:
        clear(mongo_database)
        prepare(mongo_database)
        lost = raising(AutoReconnect("connection closed"))
        database, interruption = interrupted(mongo_database, at, after, lost)
        store = MongoCampaignStore(database)
        outages = 0
        lease = None
        while True:
            try:
                lease = lease or store.acquire_lease("c", FIRST, 60.0)
                drive(store, lease)
                break
            except TransientError:
                outages += 1
        assert outages == int(interruption.hit)
        assert summary(store) == undisturbed, f"write {at}, {'after' if after else 'before'}"
        return interruption.hit

    assert every_write(run) > 30


def test_import_killed_at_every_write_is_completed_by_the_next(
    mongo_database: Database, undisturbed: dict[str, object], interrupted: Callable, killed: type[BaseException], tmp_path: Path
) -> None:
    source = prepare(mongo_database)
    drive(source, source.acquire_lease("c", FIRST, 60.0))
    export_observations(source, "c", tmp_path / "c.parquet")
    expected = summary(source)
    handles = [(*rest, None) for *rest, _ in expected.pop("evaluations")]
    # What was trained on structures stays where these are.
    assert expected.pop("retrains") == [(RETRAIN, RETRAIN_END)]

    def run(at: int, after: bool) -> bool:
        clear(mongo_database)
        database, interruption = interrupted(mongo_database, at, after, raising(killed))
        with suppress(killed):
            import_observations(MongoCampaignStore(database), tmp_path / "c.parquet", FIRST)
        fresh = MongoCampaignStore(mongo_database)
        import_observations(fresh, tmp_path / "c.parquet", FIRST)
        found = summary(fresh)
        assert found.pop("evaluations") == handles
        assert found.pop("retrains") == []
        assert found == expected, f"write {at}, {'after' if after else 'before'}"
        return interruption.hit

    assert every_write(run) > 8


def test_deletion_killed_at_every_write_is_finished_by_the_same_command(
    mongo_database: Database, interrupted: Callable, killed: type[BaseException]
) -> None:
    def run(at: int, after: bool) -> bool:
        clear(mongo_database)
        source = prepare(mongo_database)
        lease = source.acquire_lease("c", FIRST, 60.0)
        drive(source, lease)
        source.release_lease(lease)
        other = source.create_campaign(RECORD.model_copy(update={"id": "other", "name": "other"}))
        database, interruption = interrupted(mongo_database, at, after, raising(killed))
        with suppress(killed):
            MongoCampaignStore(database).delete_campaign("c")
        fresh = MongoCampaignStore(mongo_database)
        if fresh.campaign_names() == ["c", "other"]:
            if fresh.campaign("c").deleting:
                with pytest.raises(StoreError, match="being deleted"):
                    fresh.acquire_lease("c", SECOND, 60.0, steal=True)
            fresh.delete_campaign("c")
        assert fresh.campaign_names() == ["other"]
        assert fresh.campaign("other") == other
        for name in ("evaluations", "observations", "refits", "retrains", "events"):
            assert mongo_database[name].count_documents({"campaign": "c"}) == 0
        return interruption.hit

    assert every_write(run) == 7
