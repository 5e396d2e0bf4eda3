"""Readings that are brought up to date say the same as new ones, whatever happened in between."""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from tansaku.models.domain.errors import NotFoundError
from tansaku.models.domain.identifiers import evaluation_id
from tansaku.models.domain.records import Command, Event, Failure, LeaseOwner, Outcome, Proposal, StopDecision
from tansaku.models.domain.states import CampaignState, FailureKind, StopReason
from tansaku.tasks.loop.steps.collect import LATE_RESULT
from tansaku.tasks.read.views.campaign import Campaign
from tansaku.tasks.read.views.evaluation_table import SORTS, Selection, best_series, table_page
from tansaku.tasks.read.views.proposals import last_proposals, predictions_of, system_lines
from tansaku.tasks.read.views.readings import Readings
from tansaku.tasks.read.views.status import campaign_status, status_of

NAME = "small-table"
OWNER = LeaseOwner(host="node7", pid=4321, process_started=0.0, user="bob")
TIMEOUT = Failure(kind=FailureKind.PLUMBING, reason="timeout", message="it took too long")


class Driver:
    """Writes to a store as a driver does, without waiting for anything."""

    def __init__(self, store) -> None:
        self.store = store
        self.lease = store.acquire_lease(NAME, OWNER, 60.0)

    def propose(self, candidate: str, **changes: object):
        number = self.store.campaign(NAME).last_number + 1
        usual = {"system": "alpha", "surface": "alpha/0", "source": "table", "predicted_cost": 2.0, "model": "test"}
        return self.store.insert_proposal(self.lease, Proposal(number=number, candidate=candidate, **(usual | changes)))

    def begin(self, evaluation, attempt: int = 1) -> str:
        token = f"{evaluation.id}-{attempt}"
        self.store.begin_attempt(self.lease, evaluation.id, attempt, token, f"job-{token}")
        return token

    def finish(self, evaluation, outcome: Outcome, attempt: int = 1) -> None:
        self.store.accept_outcome(self.lease, evaluation.id, self.begin(evaluation, attempt), outcome)


@pytest.fixture
def store(recorded):
    return recorded("a1", "a3", "b1")


@pytest.fixture
def driver(store) -> Driver:
    return Driver(store)


def same(store, readings: Readings) -> None:
    """Compares an old reading that was brought up to date with a new one."""
    found, new = readings.reading(NAME), Readings(store).reading(NAME)
    assert found.version == new.version == readings.version(NAME) == Readings(store).version(NAME)
    # While a driver is alive its time goes on.
    first, *others = (
        status.model_copy(update={"driven_hours": 0.0})
        for status in (status_of(found), status_of(new), campaign_status(store, NAME))
    )
    assert others == [first, first]
    assert found.changed_at == new.changed_at
    for part in fields(found.columns):
        np.testing.assert_array_equal(getattr(found.columns, part.name), getattr(new.columns, part.name), err_msg=part.name)
    assert dict(found.incidents) == dict(new.incidents)
    assert list(found.incidents) == sorted(found.incidents)
    assert best_series(found) == best_series(new)
    assert predictions_of(found) == predictions_of(new)
    assert last_proposals(found) == last_proposals(new)
    assert system_lines(found) == system_lines(new)
    for sort in SORTS:
        assert table_page(found, Selection(sort=sort)) == table_page(new, Selection(sort=sort))


def test_results_losses_and_reruns_are_followed(store, driver, monkeypatch):
    readings = Readings(store)
    readings.reading(NAME)
    loaded = []
    load = Campaign.of.__func__
    monkeypatch.setattr(Campaign, "of", classmethod(lambda cls, *given: loaded.append(1) or load(cls, *given)))
    first = driver.propose("a2", predicted_mean=2.5, predicted_deviation=0.5)
    same(store, readings)
    token = driver.begin(first)
    same(store, readings)
    store.mark_lost(driver.lease, first.id, token, TIMEOUT, 0.0)
    same(store, readings)
    assert len(status_of(readings.reading(NAME)).lost_attempts) == 1
    driver.finish(first, Outcome(value=3.0, wall_time=2.0), attempt=2)
    driver.finish(driver.propose("b2", system="beta", surface="beta/0"), Outcome(value=1.0))
    same(store, readings)
    driver.finish(driver.propose("a1", replicate=1), Outcome(failure=TIMEOUT))
    same(store, readings)
    store.release_lease(driver.lease)
    same(store, readings)
    assert status_of(readings.reading(NAME)).evaluations == 6
    # Each comparison reads the campaign three times anew; the reading that is followed never did.
    assert len(loaded) % 2 == 0
    assert readings.reading(NAME, seen=readings.version(NAME)) is readings.reading(NAME)


def test_a_retry_that_was_not_seen_is_read(store, driver):
    readings = Readings(store)
    assert status_of(readings.reading(NAME)).failed == 1
    store.add_command(NAME, Command(id="r", kind="retry", created_at=datetime.now(UTC)))
    same(store, readings)
    driver.finish(store.numbered(NAME, [2])[0], Outcome(value=0.5), attempt=2)
    store.apply_command(driver.lease, "r", 4, None)
    same(store, readings)
    assert status_of(readings.reading(NAME)).failed == 0
    assert status_of(readings.reading(NAME)).headline.search.number == 2


def test_a_late_result_is_read_when_its_event_is_stored(store, driver):
    evaluation = driver.propose("a2")
    token = driver.begin(evaluation)
    store.mark_lost(driver.lease, evaluation.id, token, TIMEOUT, 0.0)
    driver.finish(evaluation, Outcome(value=3.0), attempt=2)
    readings = Readings(store)
    same(store, readings)
    assert store.accept_outcome(driver.lease, evaluation.id, token, Outcome(value=4.0)) is None
    store.append_event(Event(id="late", campaign=NAME, kind=LATE_RESULT, at=datetime.now(UTC)))
    same(store, readings)
    assert [late.value for late in status_of(readings.reading(NAME)).late_results] == [4.0]


def test_an_import_below_the_highest_number_is_read(store, recorded):
    given = recorded("a1", "a3", "b1", "b2")
    record = store.campaign(NAME).model_copy(update={"id": "other", "name": "other"})
    store.create_campaign(record)
    brought = []
    for item in given.evaluations(NAME):
        identifier = evaluation_id("other", item.proposal.candidate, item.proposal.source, 0)
        brought.append(item.model_copy(update={"id": identifier, "campaign": "other"}))
    readings = Readings(store)
    store.import_observations("other", brought[2:])
    assert readings.reading("other").columns.numbers.tolist() == [3, 4]
    store.import_observations("other", brought[:2])
    assert readings.reading("other").columns.numbers.tolist() == [1, 2, 3, 4]
    assert status_of(readings.reading("other")).failed == 1


def test_a_campaign_that_was_deleted_and_created_again_is_another_one(store, driver):
    readings = Readings(store)
    old = readings.reading(NAME)
    record = store.campaign(NAME)
    store.release_lease(driver.lease)
    store.begin_deletion(NAME)
    assert "its deletion was interrupted" in status_of(readings.reading(NAME)).problem
    store.delete_campaign(NAME)
    with pytest.raises(NotFoundError):
        readings.reading(NAME)
    new = record.model_copy(update={"created_at": record.created_at + timedelta(seconds=1), "last_number": 0, "lease": None})
    store.create_campaign(new)
    assert len(readings.reading(NAME).columns) == 0
    assert readings.reading(NAME).version != old.version
    same(store, readings)


def test_few_readings_are_kept_and_the_others_are_read_again(store, monkeypatch):
    monkeypatch.setattr("tansaku.tasks.read.views.readings._MOST_ROWS", 12)
    store.create_campaign(store.campaign(NAME).model_copy(update={"id": "other", "name": "other"}))
    readings = Readings(store)
    first = readings.reading(NAME)
    readings.reading("other")
    again = readings.reading(NAME)
    assert again is not first
    assert again.version == first.version
    assert [line.name for line in readings.lines()] == ["other", NAME]


def test_the_reason_to_stop_is_the_driver_s(store, driver):
    readings = Readings(store)
    before = readings.reading(NAME)
    stop = StopDecision(reason=StopReason.FAILURES, proposed=3, finished=3, failed=1, remaining_cost=None)
    store.set_stop(driver.lease, stop)
    assert readings.reading(NAME).version != before.version
    same(store, readings)
    status = status_of(readings.reading(NAME))
    assert (status.state, status.stop_reason) == (CampaignState.STOPPED, StopReason.FAILURES)
    store.set_stop(driver.lease, None)
    assert readings.reading(NAME).version == before.version
    assert status_of(readings.reading(NAME)).stop_reason is None


def test_of_an_earlier_version_the_audit_says_it_until_a_command_is_applied(store, driver):
    number = store.campaign(NAME).last_number
    for place, reason in enumerate(("budget", "paused", "exhausted")):
        told = {"reason": reason, "at_number": number}
        event = Event(id=reason, campaign=NAME, kind="stopped", at=datetime.now(UTC) + timedelta(seconds=place), data=told)
        store.append_event(event)
        assert campaign_status(store, NAME).stop_reason is None  # a driver is at work
        store.release_lease(driver.lease)
        expected = None if reason == "paused" else StopReason(reason)
        assert campaign_status(store, NAME).stop_reason is expected
        driver.lease = store.acquire_lease(NAME, OWNER, 60.0)
    edit = Command(id="edit", kind="edit", created_at=datetime.now(UTC) + timedelta(hours=1))
    store.add_command(NAME, edit)
    store.apply_command(driver.lease, "edit", number + 1, None)
    store.release_lease(driver.lease)
    assert campaign_status(store, NAME).stop_reason is None


def test_those_who_waited_take_a_look_that_began_after_they_came(store, driver, monkeypatch):
    readings = Readings(store)
    readings.reading(NAME)
    followed, asked = readings._followed[NAME], []
    changes = store.changes
    monkeypatch.setattr(store, "changes", lambda *about: asked.append(about) or changes(*about))
    before = followed.looks
    first = followed.read(before)
    assert followed.read(before) is first  # it waited while the first one looked
    assert followed.version(before) == first.version
    assert len(asked) == 1
    driver.propose("a2")
    assert followed.read(followed.looks).version != first.version  # it came after that look had begun
    assert len(asked) == 2
