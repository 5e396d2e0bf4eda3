"""The contract of a store for changes of a campaign's name, on every implementation."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tansaku.models.domain.errors import FencedError, LeaseHeldError, NotFoundError, StoreError
from tansaku.models.domain.identifiers import evaluation_id, job_name, short_hash
from tansaku.models.domain.ports import CampaignStore
from tansaku.models.domain.records import CampaignRecord, Command, Event, Lease, LeaseOwner, Outcome, Refit
from tansaku.models.domain.retraining import Retrain
from tansaku.models.domain.states import EvaluationState
from tests.support.records import proposal_of

SOURCE = "c" * 24
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def propose(store: CampaignStore, lease: Lease, number: int, candidate: str) -> str:
    return store.insert_proposal(lease, proposal_of(number, candidate=candidate, source=SOURCE)).id


def compute(store: CampaignStore, lease: Lease, number: int, candidate: str, value: float) -> str:
    identifier = propose(store, lease, number, candidate)
    name = job_name(lease.campaign, identifier, 1)
    store.begin_attempt(lease, identifier, 1, f"token-{number}", name)
    store.record_handle(lease, identifier, f"token-{number}", {"name": name})
    store.accept_outcome(lease, identifier, f"token-{number}", Outcome(value=value, wall_time=2.0))
    return identifier


@pytest.fixture
def driven(store: CampaignStore, record: CampaignRecord, first_driver: LeaseOwner) -> Lease:
    """A campaign with two results, one open proposal, a fit, a training, an applied command and a note."""
    store.create_campaign(record)
    lease = store.acquire_lease("search", first_driver, 60.0)
    compute(store, lease, 1, "a", 0.1 + 0.2)
    compute(store, lease, 2, "b", 2.0)
    propose(store, lease, 3, "c")
    store.insert_refit(
        lease, Refit(campaign="search", number=1, at_proposal=2, horizon=1, hyperparameters={"a": 1 / 3}, fitted_at=NOW)
    )
    store.insert_retrain(
        lease,
        Retrain(
            campaign="search",
            number=1,
            at_proposal=2,
            horizon=1,
            uses_from=3,
            observations=1,
            reason="first",
            dataset="d",
            model="m",
            begun_at=NOW,
        ),
    )
    store.add_command("search", Command(id="edit-1", kind="edit", payload={"budget.cost": 3.0}, created_at=NOW))
    store.apply_command(lease, "edit-1", 3, None)
    store.append_event(Event(id=short_hash(["search", "version", "9"]), campaign="search", kind="warning.version", at=NOW,
                             data={"resumed_by": "9", "created_by": "8"}))  # fmt: skip
    return lease


def told(store: CampaignStore, name: str) -> tuple[object, ...]:
    """What a campaign is, without ids and names."""
    record = store.campaign(name)
    changing = {"id", "campaign", "attempts", "evaluation"}
    return (
        record.created_at,
        record.last_number,
        record.last_refit,
        record.last_retrain,
        record.commands,
        [item.model_dump(exclude=changing) for item in store.evaluations(name)],
        [[attempt.token for attempt in item.attempts] for item in store.evaluations(name)],
        [item.model_dump(exclude=changing) for item in store.observations(name)],
        [item.model_dump(exclude=changing) for item in store.refits(name)],
        [item[0].model_dump(exclude=changing) for item in store.retrains(name)],
        [(event.kind, event.at) for event in store.events(name)],
    )


def test_everything_is_under_the_new_name_and_nothing_under_the_old_one(store: CampaignStore, driven: Lease) -> None:
    before = told(store, "search")
    store.release_lease(driven)
    store.rename_campaign("search", "found")
    assert store.campaign_names() == ["found"]
    assert told(store, "found") == before
    assert store.stored_counts("search") == {"evaluations": 0, "refits": 0, "events": 0}
    assert store.observations("search") == []
    with pytest.raises(NotFoundError):
        store.campaign("search")
    record = store.campaign("found")
    assert record == store.campaign_of("search")
    assert (record.id, record.former_names, record.lease) == ("search", ("search",), None)
    assert record.spec == {"name": "found"} | {key: value for key, value in record.spec.items() if key != "name"}
    first = store.evaluations("found")[0]
    assert first.id == evaluation_id("search", "a", SOURCE, 0)
    assert store.rename_campaign("found", "found") == record


def test_its_next_driver_goes_on_and_the_former_one_writes_nothing(
    store: CampaignStore, driven: Lease, second_driver: LeaseOwner
) -> None:
    store.release_lease(driven)
    store.rename_campaign("search", "found")
    for write in (
        lambda: store.renew_lease(driven, 60.0),
        lambda: store.set_stop(driven, None),
        lambda: propose(store, driven, 4, "d"),
    ):
        with pytest.raises(FencedError):
            write()
    kinds = [event.kind for event in store.events("found")]
    lease = store.acquire_lease("found", second_driver, 60.0)
    assert (lease.campaign, lease.epoch > driven.epoch) == ("search", True)
    command = Command(id="edit-1", kind="edit", payload={"budget.cost": 3.0}, created_at=NOW)
    store.add_command("found", command)
    store.apply_command(lease, "edit-1", 3, None)
    assert store.rebuild_observations("found") == 0
    assert [event.kind for event in store.events("found")] == [*kinds, "lease.acquired"]
    open_one = store.evaluations("found", states=[EvaluationState.PROPOSED])[0]
    store.begin_attempt(lease, open_one.id, 1, "token-3", "job-3")
    propose(store, lease, 4, "d")
    with pytest.raises(StoreError):
        propose(store, lease, 5, "a")


def test_the_old_name_is_free_for_another_campaign(
    store: CampaignStore, driven: Lease, record: CampaignRecord, first_driver: LeaseOwner
) -> None:
    store.release_lease(driven)
    store.rename_campaign("search", "found")
    before = told(store, "found")
    assert store.create_campaign(record.model_copy(update={"id": "0" * 24})).id == "0" * 24
    lease = store.acquire_lease("search", first_driver, 60.0)
    compute(store, lease, 1, "a", 7.0)
    store.insert_refit(
        lease, Refit(campaign=lease.campaign, number=1, at_proposal=1, horizon=0, hyperparameters={"a": 5.0}, fitted_at=NOW)
    )
    assert [item.value for item in store.observations("search")] == [7.0]
    assert store.events("search")[0].kind == "lease.acquired"
    assert told(store, "found") == before
    store.release_lease(lease)
    store.delete_campaign("search")
    assert told(store, "found") == before


def test_of_two_campaigns_of_one_name_or_id_the_first_is_stored(store: CampaignStore, record: CampaignRecord) -> None:
    first = store.create_campaign(record.model_copy(update={"id": "1" * 24}))
    assert store.create_campaign(record.model_copy(update={"id": "2" * 24})) == first
    assert store.create_campaign(first.model_copy(update={"name": "other"})) == first
    assert (store.campaign_names(), store.campaign_id("search")) == (["search"], "1" * 24)
    for unknown in (lambda: store.campaign_of("2" * 24), lambda: store.campaign_id("other")):
        with pytest.raises(NotFoundError):
            unknown()


def test_a_taken_name_a_driven_campaign_and_one_that_is_deleted_are_refused(
    store: CampaignStore, driven: Lease, record: CampaignRecord
) -> None:
    with pytest.raises(LeaseHeldError, match="'search' is driven by"):
        store.rename_campaign("search", "found")
    store.release_lease(driven)
    store.create_campaign(record.model_copy(update={"id": "other", "name": "other"}))
    before = store.campaign("search")
    with pytest.raises(StoreError, match="'other' is stored already"):
        store.rename_campaign("search", "other")
    assert store.campaign("search") == before
    store.begin_deletion("other")
    with pytest.raises(StoreError, match="is being deleted"):
        store.rename_campaign("other", "third")
    assert store.campaign_names() == ["other", "search"]


def test_a_campaign_is_moved_where_nobody_drives(store: CampaignStore, driven: Lease) -> None:
    before = store.campaign("search")
    with pytest.raises(LeaseHeldError):
        store.move_campaign("search", "/elsewhere")
    store.release_lease(driven)
    for _ in range(2):
        store.move_campaign("search", "/elsewhere")
        moved = store.campaign("search")
        assert moved.base_path == "/elsewhere"
        assert (
            moved.model_copy(update={"base_path": before.base_path, "lease": before.lease, "driven": before.driven}) == before
        )
