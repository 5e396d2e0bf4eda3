"""Schedules of the dashboard on a real Prefect server."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from tansaku.flows.names import TRAIN, deployment_name
from tansaku.models.domain.accounts import Role, User
from tansaku.models.domain.authors import Actor
from tansaku.models.domain.schedules import Schedule
from tansaku.models.domain.trainings import WantedModel
from tansaku.tasks.act.commands.create import prepare_campaign
from tansaku.tasks.act.commands.schedules import create_schedule
from tansaku.tasks.node.configuration.campaign_files import campaign_from_data
from tansaku.tasks.read.views.schedules import schedule_line
from tests.support.records import dataset_record

ADA = Actor("ada", "dashboard, ::1")


def test_a_stored_schedule_starts_runs_until_it_is_removed(service, resources, campaign_document, wait_for):
    prepare_campaign(resources, ADA, campaign_from_data(campaign_document, service.folder, "test"))
    schedules, now = resources.schedules, datetime.now(UTC)
    resources.accounts.add_user(User(name="ada", role=Role.OPERATOR, created_at=now))
    resources.registry.add_dataset(dataset_record(name="copper"))
    training = WantedModel(name="copper", dataset="copper", surrogate="kernel_ridge")
    for key, starts in (("every-minute", "small"), ("train-it", training)):
        create_schedule(schedules, resources.store, ADA, (key, starts, "* * * * *", "Europe/Berlin", True), now)
    service.start("--reconcile", "*/30 * * * *")

    def rows() -> dict:
        return {row.own: row for mirror in schedules.schedule_mirrors() for row in mirror.rows}

    def known(key: str) -> Schedule:
        return next(schedule for schedule in schedules.schedules() if schedule.id == key)

    wait_for(lambda: {"every-minute", "train-it"} <= set(rows()), "the schedules are on the server")
    assert (rows()["train-it"].campaign, rows()["train-it"].task) == (None, deployment_name(TRAIN, service.name))
    row = rows()["every-minute"]
    assert (row.campaign, row.timing, row.zone, row.active) == ("small", "* * * * *", "Europe/Berlin", True)
    assert row.next_at is not None  # at once, not when the server next looks for runs that it has to make
    # The run of the coming minute may have begun: a worker takes it some seconds early.
    assert (row.next_at - datetime.now(UTC)).total_seconds() <= 120
    # Reconciling is kept by the service itself: shown, not ours.
    assert rows()[None].timing == "*/30 * * * *"
    wait_for(lambda: service.store.observations("small"), "the schedule runs the campaign")
    wait_for(lambda: rows()["every-minute"].last_result, "its end is mirrored")
    # Pages show the time in local time.
    assert re.fullmatch(
        r"Completed at \d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ: evaluations, after proposal 8", rows()["every-minute"].last_result
    )
    # Its data set has no file: the service tries, and the list has the reason.

    def result() -> str:
        return schedule_line(known("train-it"), schedules.schedule_mirrors(), resources.requests, now).last_result

    wait_for(lambda: result().startswith("failed at "), "the training failed")
    asked = resources.requests.trainings()[-1]
    assert (asked.user, asked.origin, asked.model) == ("ada", "schedule train-it", "copper")

    def change(key: str, **values: object) -> None:
        assert schedules.replace_schedule(Schedule.model_validate(known(key).model_dump() | values))

    change("every-minute", active=False, cron="7 4 * * *")
    wait_for(lambda: (rows()["every-minute"].timing, rows()["every-minute"].active) == ("7 4 * * *", False), "it is off")
    assert rows()["every-minute"].campaign == "small"
    for key in ("every-minute", "train-it"):
        change(key, removed=True)
    wait_for(lambda: not schedules.schedules(), "they are gone")
    assert set(rows()) == {None}
