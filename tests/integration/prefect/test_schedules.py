"""Schedules of the dashboard on a real Prefect server."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from tansaku.models.domain.authors import Actor
from tansaku.models.domain.schedules import Schedule
from tansaku.tasks.act.commands.create import prepare_campaign
from tansaku.tasks.act.commands.schedules import create_schedule
from tansaku.tasks.node.configuration.campaign_files import campaign_from_data

ADA = Actor("ada", "dashboard, ::1")


def test_a_stored_schedule_starts_runs_until_it_is_removed(service, resources, campaign_document, wait_for):
    prepare_campaign(resources, ADA, campaign_from_data(campaign_document, service.folder, "test"))
    schedules, now = resources.schedules, datetime.now(UTC)
    create_schedule(schedules, resources.store, ADA, ("every-minute", "small", "* * * * *", "Europe/Berlin", True), now)
    service.start("--reconcile", "*/30 * * * *")

    def rows() -> dict:
        return {row.own: row for mirror in schedules.schedule_mirrors() for row in mirror.rows}

    wait_for(lambda: rows().get("every-minute"), "the schedule is on the server")
    row = rows()["every-minute"]
    assert (row.campaign, row.timing, row.zone, row.active) == ("small", "* * * * *", "Europe/Berlin", True)
    assert row.next_at is not None  # at once, not when the server next looks for runs that it has to make
    assert (row.next_at - datetime.now(UTC)).total_seconds() <= 60
    # Reconciling is kept by the service itself: shown, not ours.
    assert rows()[None].timing == "*/30 * * * *"
    wait_for(lambda: service.store.observations("small"), "the schedule runs the campaign")
    wait_for(lambda: rows()["every-minute"].last_result, "its end is mirrored")
    assert re.fullmatch(
        r"Completed at \d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ", rows()["every-minute"].last_result
    )  # which pages show in local time

    def change(**values: object) -> None:
        (known,) = schedules.schedules()
        assert schedules.replace_schedule(Schedule.model_validate(known.model_dump() | values))

    change(active=False, cron="7 4 * * *")
    wait_for(lambda: (rows()["every-minute"].timing, rows()["every-minute"].active) == ("7 4 * * *", False), "it is off")
    assert rows()["every-minute"].campaign == "small"
    change(removed=True)
    wait_for(lambda: not schedules.schedules(), "it is gone")
    assert "every-minute" not in rows()
