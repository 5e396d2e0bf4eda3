"""The Prefect server agrees with the stored schedules, whatever is killed in between."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from tansaku.flows.requests import _agree
from tansaku.flows.schedules import PrefectSchedules, ScheduleDesk
from tansaku.models.domain.errors import StoreError
from tansaku.models.domain.schedules import Schedule, ScheduleRow
from tansaku.tasks.backends.stores.mongo_schedules import MongoSchedules

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
NAME, ID = "small-table", "schedule-1"


class KilledError(BaseException):
    """What stands for a kill."""


@dataclass
class Server:
    """Stands for a Prefect server; ``killed_at`` counts the calls until the service is killed before or after one."""

    present: dict[str, ScheduleRow] = field(default_factory=dict)
    name: str | None = "deployment"
    refuses: str = ""
    killed_at: int | None = None
    changes: int = 0

    def deployment(self) -> str | None:
        return self.name

    def rows(self) -> list[ScheduleRow]:
        return list(self.present.values())

    def put(self, wanted: Schedule, present: ScheduleRow | None) -> None:
        self._kill()
        if self.refuses:
            raise StoreError(self.refuses)
        identifier = present.id if present is not None else f"row-{len(self.present)}"
        self.present[identifier] = row(identifier, wanted.id, wanted.campaign, wanted.cron, wanted.zone, wanted.active)
        self._kill()

    def delete(self, row: ScheduleRow) -> None:
        self._kill()
        del self.present[row.id]
        self._kill()

    def _kill(self) -> None:
        self.changes += 1
        if self.killed_at is not None and self.changes == self.killed_at:
            raise KilledError


def row(identifier: str, own: str | None, campaign: str = NAME, *timing: object) -> ScheduleRow:
    cron, zone, active = timing or ("0 1 * * *", "UTC", True)
    return ScheduleRow(
        id=identifier, own=own, campaign=campaign, task="t", timing=cron, zone=zone, active=active, next_at=None, last_result=""
    )


@pytest.fixture
def desk(recorded, emptied_database) -> ScheduleDesk:
    store, schedules = recorded("a1"), MongoSchedules(emptied_database)
    created = store.campaign(NAME).created_at
    schedules.add_schedule(
        Schedule(
            id=ID,
            campaign=NAME,
            campaign_created_at=created,
            cron="0 3 * * *",
            zone="UTC",
            user="u",
            origin="o",
            created_at=NOON,
        )
    )
    return ScheduleDesk("tansaku", store, schedules, Server(), lambda: NOON)


def shown(desk: ScheduleDesk) -> list:
    return [(found.own, found.timing, found.active) for found in desk.server.rows()]


def test_a_stored_schedule_is_made_changed_and_removed_once(desk):
    for _ in range(2):
        desk.agree()
    assert (shown(desk), desk.server.changes) == ([(ID, "0 3 * * *", True)], 2)
    (stored,) = desk.schedules.schedules()
    assert stored.holder == "deployment"
    assert desk.schedules.replace_schedule(stored.model_copy(update={"cron": "5 4 * * *", "active": False}))
    desk.agree()
    assert shown(desk) == [(ID, "5 4 * * *", False)]
    (stored,) = desk.schedules.schedules()
    assert desk.schedules.replace_schedule(stored.model_copy(update={"removed": True}))
    desk.agree()
    assert (shown(desk), desk.schedules.schedules()) == ([], [])
    assert desk.schedules.schedule_mirrors()[0].rows == ()


@pytest.mark.parametrize("killed_at", [1, 2, 3, 4])
def test_a_kill_before_or_after_any_change_leaves_nothing_wrong(desk, killed_at):
    # One schedule of ours that nobody wants any more, and one that is wanted and missing.
    desk.server.present["old"] = row("old", "schedule-0")
    desk.server.killed_at = killed_at
    with pytest.raises(KilledError):
        desk.agree()
    desk.agree()
    assert shown(desk) == [(ID, "0 3 * * *", True)]


def test_those_of_prefects_page_are_mirrored_and_left_alone(desk):
    desk.server.present["theirs"] = row("theirs", None, "other")
    desk.agree()
    assert desk.server.present["theirs"] == row("theirs", None, "other")
    (mirror,) = desk.schedules.schedule_mirrors()
    assert {found.own for found in mirror.rows} == {ID, None}


def test_what_another_deployment_holds_is_not_on_this_server(desk):
    desk.server.present["mine"] = row("mine", ID, NAME, "0 3 * * *", "UTC", True)
    assert desk.schedules.hold_schedule(ID, "elsewhere", 60.0)
    desk.agree()
    assert shown(desk) == []


def test_a_schedule_of_a_deleted_campaign_or_one_that_is_refused_is_a_problem(desk):
    desk.server.refuses = "the Prefect server refuses: no"
    desk.agree()
    assert desk.schedules.schedule_mirrors()[0].problems == {ID: "the Prefect server refuses: no"}
    desk.server.refuses = ""
    desk.agree()
    assert len(shown(desk)) == 1
    (stored,) = desk.schedules.schedules()
    assert desk.schedules.replace_schedule(stored.model_copy(update={"campaign_created_at": NOON}))
    desk.agree()
    assert shown(desk) == []
    assert "another one of its name" in desk.schedules.schedule_mirrors()[0].problems[ID]


def test_nothing_happens_before_the_deployment_is_registered(desk):
    desk.server.name = None
    desk.agree()
    assert desk.schedules.schedule_mirrors() == []


def test_what_is_wrong_with_schedules_holds_up_no_request(desk, monkeypatch):
    assert _agree(desk) == ""

    def damaged() -> list:
        raise StoreError("schedule 'x' is damaged")

    monkeypatch.setattr(desk.schedules, "schedules", damaged)
    assert _agree(desk) == "schedules: schedule 'x' is damaged"


def test_a_timing_that_prefect_does_not_know_is_refused(desk):
    (stored,) = desk.schedules.schedules()
    server = PrefectSchedules("tansaku", lambda: None)
    with pytest.raises(StoreError, match="Prefect refuses"):
        server.put(stored.model_copy(update={"zone": "Mars/Olympus"}), None)
