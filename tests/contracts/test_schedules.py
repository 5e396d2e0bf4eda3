"""The contract of the store of schedules."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tansaku.models.domain.schedules import Schedule, ScheduleMirror, ScheduleRow, Schedules
from tansaku.tasks.backends.stores.mongo_schedules import MIRRORS, SCHEDULES, MongoSchedules

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
FIRST = "schedule-1"


@pytest.fixture
def schedules(emptied_database) -> Schedules:
    return MongoSchedules(emptied_database)


def wanted(identifier: str = FIRST, minutes: float = 0.0, **changes: object) -> Schedule:
    made = Schedule(
        id=identifier,
        campaign="al",
        campaign_created_at=NOON,
        cron="0 3 * * *",
        zone="UTC",
        user="ada",
        origin="::1",
        created_at=NOON + timedelta(minutes=minutes),
    )
    return made.model_copy(update=changes)


def test_damaged_documents_hide_no_others(schedules, emptied_database):
    schedules.add_schedule(wanted())
    schedules.mirror_schedules(ScheduleMirror(id="service", rows=(), mirrored_at=NOON))
    for collection, at in ((SCHEDULES, FIRST), (MIRRORS, "service")):
        document = emptied_database[collection].find_one({"_id": at})
        emptied_database[collection].insert_many([document | {"_id": "binary", "schema_version": b"1"}, {"_id": "empty"}])
    assert [known.id for known in schedules.schedules()] == [FIRST]
    assert [known.id for known in schedules.schedule_mirrors()] == ["service"]


def test_a_schedule_is_stored_once_and_listed_by_age(schedules):
    assert schedules.schedules() == []
    assert schedules.add_schedule(wanted("schedule-2", minutes=1)).id == "schedule-2"
    assert schedules.add_schedule(wanted()) == wanted()
    assert schedules.add_schedule(wanted(cron="1 1 1 1 1")) == wanted()
    assert [known.id for known in schedules.schedules()] == [FIRST, "schedule-2"]


def test_a_change_needs_the_present_version_and_leaves_the_hold(schedules):
    schedules.add_schedule(wanted())
    assert schedules.hold_schedule(FIRST, "deployment", 60.0)
    assert schedules.replace_schedule(wanted(active=False))
    assert not schedules.replace_schedule(wanted(active=True))
    (known,) = schedules.schedules()
    assert (known.active, known.version, known.holder) == (False, 2, "deployment")
    assert not schedules.replace_schedule(wanted("schedule-9"))


def test_one_deployment_holds_a_schedule_until_its_time_is_over(schedules):
    schedules.add_schedule(wanted())
    assert schedules.hold_schedule(FIRST, "first", 60.0)
    assert schedules.hold_schedule(FIRST, "first", 0.0)
    assert schedules.hold_schedule(FIRST, "second", 60.0)
    assert not schedules.hold_schedule(FIRST, "first", 60.0)
    assert not schedules.hold_schedule("schedule-9", "first", 60.0)


def test_only_what_is_to_vanish_is_forgotten(schedules):
    schedules.add_schedule(wanted())
    schedules.forget_schedule(FIRST)
    assert len(schedules.schedules()) == 1
    assert schedules.replace_schedule(wanted(removed=True))
    for _ in range(2):
        schedules.forget_schedule(FIRST)
    assert schedules.schedules() == []


def test_the_last_mirror_of_each_service(schedules):
    row = ScheduleRow(
        id="r", own=FIRST, campaign="al", task="t", timing="0 3 * * *", zone="UTC", active=True, next_at=NOON, last_result=""
    )
    for name, rows in (("b", ()), ("a", ()), ("b", (row,))):
        schedules.mirror_schedules(ScheduleMirror(id=name, rows=rows, problems={FIRST: "no"}, mirrored_at=NOON))
    assert [(mirror.id, mirror.rows) for mirror in schedules.schedule_mirrors()] == [("a", ()), ("b", (row,))]
