"""The contract of a store for changes of a campaign's name, on every implementation."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tansaku.models.domain.adoption import ADOPTED, Origin, adopted_from
from tansaku.models.domain.errors import FencedError, LeaseHeldError, NotFoundError, StoreError
from tansaku.models.domain.identifiers import evaluation_id, job_name, short_hash
from tansaku.models.domain.ports import CampaignStore
from tansaku.models.domain.records import CampaignRecord, Command, Event, Lease, LeaseOwner, Look, Outcome, Proposal, Refit
from tansaku.models.domain.retraining import Retrain, RetrainEnd
from tansaku.models.domain.states import EvaluationState

SOURCE = "c" * 24
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def propose(store: CampaignStore, lease: Lease, number: int, candidate: str) -> str:
    proposal = Proposal(
        number=number, candidate=candidate, system="s", surface="s", source=SOURCE, predicted_cost=1.0, model="test"
    )
    return store.insert_proposal(lease, proposal).id


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


def under(record: CampaignRecord, name: str) -> CampaignRecord:
    update = {"name": name, "lease": None, "runtime": {}, "renaming": None, "former_names": ("search",), "spec_hash": "1" * 64}
    return record.model_copy(update=update)


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


def rename(store: CampaignStore, lease: Lease, name: str = "found") -> None:
    store.begin_rename(lease, under(store.campaign("search"), name))
    store.finish_rename("search", under(store.campaign("search"), name))


def test_everything_is_under_the_new_name_and_nothing_under_the_old_one(store: CampaignStore, driven: Lease) -> None:
    before = told(store, "search")
    rename(store, driven)
    assert store.campaign_names() == ["found"]
    assert told(store, "found") == before
    assert store.stored_counts("search") == {"evaluations": 0, "refits": 0, "events": 0}
    assert store.observations("search") == []
    with pytest.raises(NotFoundError):
        store.campaign("search")
    record = store.campaign("found")
    assert (record.former_names, record.renaming, record.lease, record.spec_hash) == (("search",), None, None, "1" * 64)
    first = store.evaluations("found")[0]
    assert first.id == evaluation_id("found", "a", SOURCE, 0)
    assert first.attempts[0].job_name == job_name("found", first.id, 1) == first.attempts[0].handle["name"]
    assert {item.evaluation for item in store.observations("found")} <= {item.id for item in store.evaluations("found")}


def test_its_driver_goes_on_and_logs_nothing_twice(store: CampaignStore, driven: Lease, second_driver: LeaseOwner) -> None:
    rename(store, driven)
    kinds = [event.kind for event in store.events("found")]
    lease = store.acquire_lease("found", second_driver, 60.0)
    assert lease.epoch > driven.epoch
    with pytest.raises(NotFoundError):
        store.renew_lease(driven, 60.0)
    command = Command(id="edit-1", kind="edit", payload={"budget.cost": 3.0}, created_at=NOW)
    store.add_command("found", command)
    store.apply_command(lease, "edit-1", 3, None)
    store.append_event(Event(id=short_hash(["found", "version", "9"]), campaign="found", kind="warning.version", at=NOW,
                             data={"resumed_by": "9", "created_by": "8"}))  # fmt: skip
    assert store.rebuild_observations("found") == 0
    assert [event.kind for event in store.events("found")] == [*kinds, "lease.acquired"]
    open_one = store.evaluations("found", states=[EvaluationState.PROPOSED])[0]
    store.begin_attempt(lease, open_one.id, 1, "token-3", "job-3")
    propose(store, lease, 4, "d")
    with pytest.raises(StoreError):
        propose(store, lease, 5, "a")
    assert store.insert_refit(
        lease, Refit(campaign="found", number=2, at_proposal=4, horizon=2, hyperparameters={}, fitted_at=NOW)
    ).number == 2  # fmt: skip


def test_the_old_name_is_free_for_another_campaign(
    store: CampaignStore, driven: Lease, record: CampaignRecord, first_driver: LeaseOwner
) -> None:
    rename(store, driven)
    before = told(store, "found")
    store.create_campaign(record)
    lease = store.acquire_lease("search", first_driver, 60.0)
    compute(store, lease, 1, "a", 7.0)
    store.insert_refit(
        lease, Refit(campaign="search", number=1, at_proposal=1, horizon=0, hyperparameters={"a": 5.0}, fitted_at=NOW)
    )
    assert [item.value for item in store.observations("search")] == [7.0]
    assert told(store, "found") == before


def test_a_change_that_has_begun_can_only_be_finished(
    store: CampaignStore, driven: Lease, second_driver: LeaseOwner, record: CampaignRecord
) -> None:
    before = told(store, "search")
    renamed = under(store.campaign("search"), "found")
    store.begin_rename(driven, renamed)
    for name in ("search", "found"):
        for act in (
            lambda name=name: store.acquire_lease(name, second_driver, 60.0, steal=True),
            lambda name=name: store.add_command(name, Command(id="pause-1", kind="pause", created_at=NOW)),
            lambda name=name: store.begin_deletion(name),
            lambda name=name: store.import_observations(name, []),
        ):
            with pytest.raises(StoreError, match="is being renamed"):
                act()
    with pytest.raises(FencedError):
        store.renew_lease(driven, 60.0)
    assert store.create_campaign(record.model_copy(update={"name": "found"})).renaming == "search"
    assert told(store, "search") == before
    store.finish_rename("search", renamed)
    assert told(store, "found") == before


def test_finishing_again_does_not_touch_a_later_campaign(
    store: CampaignStore, driven: Lease, record: CampaignRecord, first_driver: LeaseOwner
) -> None:
    renamed = under(store.campaign("search"), "found")
    rename(store, driven)
    store.create_campaign(record)
    compute(store, store.acquire_lease("search", first_driver, 60.0), 1, "a", 7.0)
    store.finish_rename("search", renamed)
    assert [item.value for item in store.observations("search")] == [7.0]
    assert len(store.evaluations("found")) == 3


def test_a_taken_name_and_a_stale_lease_are_refused(
    store: CampaignStore, driven: Lease, record: CampaignRecord, second_driver: LeaseOwner
) -> None:
    store.create_campaign(record.model_copy(update={"name": "other"}))
    with pytest.raises(StoreError, match="'other' is stored already"):
        store.begin_rename(driven, under(store.campaign("search"), "other"))
    assert store.campaign("search").lease is not None
    store.acquire_lease("search", second_driver, 60.0, steal=True)
    with pytest.raises(FencedError):
        store.begin_rename(driven, under(store.campaign("search"), "found"))
    assert store.campaign("search").renaming is None


def test_a_spec_is_replaced_where_nobody_drives(store: CampaignStore, driven: Lease) -> None:
    before = store.campaign("search")
    with pytest.raises(LeaseHeldError):
        store.replace_spec("search", before.spec_hash, {"name": "x"}, "2" * 64)
    store.release_lease(driven)
    for _ in range(2):
        store.replace_spec("search", before.spec_hash, {"name": "x"}, "2" * 64)
        assert (store.campaign("search").spec, store.campaign("search").spec_hash) == ({"name": "x"}, "2" * 64)
    with pytest.raises(StoreError, match="changed meanwhile"):
        store.replace_spec("search", before.spec_hash, {"name": "y"}, "3" * 64)


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


def test_adopted_results_have_the_new_name_of_their_source(
    store: CampaignStore, driven: Lease, record: CampaignRecord, second_driver: LeaseOwner
) -> None:
    store.create_campaign(record.model_copy(update={"name": "other"}))
    lease = store.acquire_lease("other", second_driver, 60.0)
    origin = Origin(campaign="search", created_at=store.campaign("search").created_at, number=1, candidate="a")
    later = origin.model_copy(update={"created_at": NOW})
    for number, source in enumerate((origin, later), start=1):
        identifier = propose(store, lease, number, f"c{number}")
        store.begin_attempt(lease, identifier, 1, "token", job_name("other", identifier, 1))
        adopted = Outcome(value=1.0, properties={ADOPTED: source.model_dump(mode="json")})
        store.accept_outcome(lease, identifier, "token", adopted)
    rename(store, driven)
    found = [adopted_from(evaluation) for evaluation in store.evaluations("other")]
    assert found == [origin.model_copy(update={"campaign": "found"}), later]


@pytest.mark.parametrize(("retrain", "name"), [({}, "found"), ({"model": "search"}, "search")])
def test_models_that_have_the_campaign_s_name_follow_it(
    store: CampaignStore, record: CampaignRecord, first_driver: LeaseOwner, retrain: dict, name: str
) -> None:
    store.create_campaign(record.model_copy(update={"spec": record.spec | {"retrain": retrain}}))
    lease = store.acquire_lease("search", first_driver, 60.0)
    common = {"campaign": "search", "number": 1, "uses_from": 1}
    begun = {"at_proposal": 1, "horizon": 0, "observations": 1, "reason": "first", "dataset": "d", "model": "search"}
    store.insert_retrain(lease, Retrain(**common, **begun, begun_at=NOW))
    store.end_retrain(lease, RetrainEnd(**common, ok=True, version="search@3", weights="w", ended_at=NOW))
    look = Look(model="search@3", weights="w", deviations=1.0)
    proposal = Proposal(
        number=1, candidate="a", system="s", surface="s", source=SOURCE, predicted_cost=1.0, model="gp", look=look
    )
    identifier = store.insert_proposal(lease, proposal).id
    store.begin_attempt(lease, identifier, 1, "token", job_name("search", identifier, 1))
    store.accept_outcome(lease, identifier, "token", Outcome(value=1.0, wall_time=2.0, predicted_by="search@3"))
    store.append_event(Event(id="e", campaign="search", kind="target", at=NOW, data={"retrain": 1, "version": "search@3"}))
    renamed = under(store.campaign("search"), "found")
    store.begin_rename(lease, renamed)
    store.finish_rename("search", renamed)
    (training, end), label = store.retrains("found")[0], f"{name}@3"
    assert (training.campaign, training.model) == ("found", name)
    assert end is not None
    assert (end.campaign, end.version) == ("found", label)
    (evaluation,) = store.evaluations("found")
    assert evaluation.proposal.look == look.model_copy(update={"model": label})
    assert evaluation.spared
    assert store.observations("found")[0].predicted_by == label
    assert store.events("found", kind="target")[0].data["version"] == label
