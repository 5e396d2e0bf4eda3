"""Schedules that users of the dashboard store, and reports of services on the schedules of their Prefect servers.

A service repeatedly makes its Prefect server agree with the stored schedules, so it may be killed at any point. It reports all
schedules of the server, including those made on Prefect's own page.
"""

from __future__ import annotations

from typing import Literal, Protocol, Self

from pydantic import AwareDatetime, Field, model_validator

from tansaku.models.domain.records import Number, Record
from tansaku.models.domain.trainings import WantedModel

SCHEDULE_ID_PATTERN = r"^[A-Za-z0-9-]{8,64}$"


class Schedule(Record):
    """A schedule: times at which a stored campaign is run, or a model is trained.

    Attributes:
        id: Chosen by the client; storing it twice has no further effect.
        campaign: Its name; None: a model is trained.
        campaign_created_at: Distinguishes the campaign from a later one of its name.
        training: Asked for at these times, by ``user``; None: a campaign is run.
        cron: Five fields.
        zone: Time zone of the fields, a name of the IANA database.
        active: Whether runs are started.
        version: Raised by every change.
        removed: It is to vanish from the Prefect server; then its record vanishes too.
        holder: Deployment that has it on its server; no other one takes it while that renews its hold.
    """

    schema_version: Literal[1] = 1
    id: str = Field(pattern=SCHEDULE_ID_PATTERN)
    campaign: str | None = None
    campaign_created_at: AwareDatetime | None = None
    training: WantedModel | None = Field(default=None, exclude_if=lambda training: training is None)
    cron: str
    zone: str
    active: bool = True
    user: str
    origin: str
    created_at: AwareDatetime
    version: Number = 1
    removed: bool = False
    holder: str | None = None
    held_until: AwareDatetime | None = None

    @property
    def subject(self) -> str:
        """The campaign or model, as the audit names it."""
        return f"campaign:{self.campaign}" if self.training is None else f"model:{self.training.name}"

    @model_validator(mode="after")
    def _starts_one_thing(self) -> Self:
        is_campaign = self.campaign is not None
        if is_campaign is (self.training is not None) or is_campaign is (self.campaign_created_at is None):
            raise ValueError("expected either a campaign with the time of its creation, or a training")
        return self


class ScheduleRow(Record):
    """A schedule on a Prefect server.

    Attributes:
        id: The server's.
        own: Id of the stored schedule that it was made for; None: made on Prefect's page.
        campaign: That it runs; None: another task, which ``task`` names.
        task: Name of the deployment.
        timing: Cron fields, or the interval in words.
        next_at: Of the next run; None: there is none.
        last_result: How the last run ended; empty: none did yet.
        last_run: The server's id of that run, which is also the id of the training that it asked for; None: none ended yet.
    """

    id: str
    own: str | None
    campaign: str | None
    task: str
    timing: str
    zone: str
    active: bool
    next_at: AwareDatetime | None
    last_result: str
    last_run: str | None = None


class ScheduleMirror(Record):
    """A service's report of its server's schedules.

    Attributes:
        id: Name of the service.
        problems: Why stored schedules are not in force, by their id.
    """

    schema_version: Literal[1] = 1
    id: str
    rows: tuple[ScheduleRow, ...]
    problems: dict[str, str] = Field(default_factory=dict)
    mirrored_at: AwareDatetime


class Schedules(Protocol):
    """Store of schedules and of services' reports. Durations count by the clock of the store."""

    def add_schedule(self, schedule: Schedule) -> Schedule:
        """Stores a schedule; returns the stored one of its id."""
        ...

    def schedules(self) -> list[Schedule]:
        """All schedules, the oldest first, including those that are being removed."""
        ...

    def replace_schedule(self, schedule: Schedule) -> bool:
        """Stores a changed schedule of the present version under the next one; returns whether it had that version."""
        ...

    def rename_campaign(self, old: str, new: str, created_at: AwareDatetime) -> None:
        """Gives the schedules of a campaign its new name, each as its next version."""
        ...

    def hold_schedule(self, schedule_id: str, holder: str, seconds: float) -> bool:
        """Takes or keeps a schedule, so that no other deployment starts its runs; returns whether it is the holder's now."""
        ...

    def forget_schedule(self, schedule_id: str) -> None:
        """Deletes the record of a schedule that is being removed; does nothing to others."""
        ...

    def mirror_schedules(self, mirror: ScheduleMirror) -> None:
        """Stores a service's report in place of its previous one."""
        ...

    def schedule_mirrors(self) -> list[ScheduleMirror]:
        """The latest reports of all services, by name."""
        ...
