"""Messages between the dashboard and the service: requests in one direction, answers and reports in the other.

The dashboard stores a request and never talks to Prefect. A service takes it, starts a run of its deployment, and stores the
answer. The port of the store that keeps both is :class:`Requests`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal, Protocol

from pydantic import AwareDatetime, Field

from tansaku.models.domain.records import JsonDict, Record
from tansaku.models.domain.trainings import Trainings

FORGOTTEN = 30 * 86400.0
"""The report of a service that was not seen for this long is removed [s]."""

REQUEST_ID_PATTERN = r"^[A-Za-z0-9._:-]{8,64}$"


class RequestState(StrEnum):
    """State of a request."""

    WAITING = "waiting"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    ENDED = "ended"


RequestKind = Literal["run", "delete", "rename"]
"""Request of a user: to drive a stored campaign to its end, to delete it with all its results, or to give it another name."""


class ServiceRequest(Record):
    """A user's request to the service.

    Attributes:
        id: Chosen by the client; storing it twice has no further effect, and it starts at most one run.
        kind: What is asked.
        campaign: Name of the campaign.
        campaign_created_at: Distinguishes it from a later campaign of the same name.
        old_name: For ``rename``: the name that the campaign had when it was asked for.
        new_name: For ``rename``: the name that it is to have.
        drivers: For ``run``: how many drivers the campaign had had when it was asked for (the epoch of its lease).
        user: Who asks.
        origin: From where.
        holder: Deployment whose service took the request: while that holds, no other may start a run for it.
        held_until: Until then, by the clock of the store.
        service: Name of the service that answered.
        run: Id of the run that was started.
        reason: Why the request was refused, or how the run ended.
    """

    schema_version: Literal[1] = 1
    id: str = Field(pattern=REQUEST_ID_PATTERN)
    kind: RequestKind = "run"
    campaign: str
    campaign_created_at: AwareDatetime
    old_name: str | None = None
    new_name: str | None = None
    drivers: int | None = None
    user: str
    origin: str
    created_at: AwareDatetime
    state: RequestState = RequestState.WAITING
    holder: str | None = None
    held_until: AwareDatetime | None = None
    service: str | None = None
    run: str | None = None
    reason: str = ""
    answered_at: AwareDatetime | None = None
    ended_at: AwareDatetime | None = None


class Answer(Record):
    """A service's answer to a request: the run that it started, that it is done, or why it was refused.

    Attributes:
        service: Its name.
        run: Id of the run; None: none was started.
        reason: Why it was refused.
        done: Whether everything that was asked for is done.
    """

    service: str
    run: str | None = None
    reason: str = ""
    done: bool = False

    def changes(self, now: AwareDatetime) -> JsonDict:
        """Fields of the stored request that the answer changes."""
        started = RequestState.REFUSED if self.run is None else RequestState.ACCEPTED
        state = RequestState.ENDED if self.done else started
        values: JsonDict = {"service": self.service, "run": self.run, "reason": self.reason}
        return values | {"state": state.value, "answered_at": now, "ended_at": now if self.done else None}


class SiteQueue(Record):
    """The queue of a cluster.

    Attributes:
        line: Who fills it, and what prevents that.
        refused: Why its last refused jobs were not run.
    """

    line: str
    refused: tuple[str, ...] = ()


class ServiceReport(Record):
    """Status that a service reports every few seconds.

    Attributes:
        id: Name and host, which together are one service.
        since: When it started.
        version: Of tansaku.
        problem: What prevents it from starting runs; empty: nothing.
        sites: A line about each cluster that it serves: who fills its queue, and what hinders that.
        refused: Why the last refused jobs of those clusters were not run.
        stopped: Whether it ended as it was asked to.
    """

    schema_version: Literal[1] = 1
    id: str
    name: str
    host: str
    pid: int
    since: AwareDatetime
    version: str
    problem: str = ""
    sites: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    stopped: bool = False


class ServiceSeen(Record):
    """The last report of a service, and when it came by the clock of the store.

    Attributes:
        silent_for: Time since then [s].
    """

    report: ServiceReport
    seen_at: AwareDatetime
    silent_for: float


class Requests(Trainings, Protocol):
    """Store of requests, answers, reports and trainings.

    Durations count by the clock of the store, so that machines whose clocks differ agree on them. Every acknowledged write
    survives ``kill -9``; ``TransientError`` means that the server could not be reached.
    """

    def add_request(self, request: ServiceRequest) -> ServiceRequest:
        """Stores a request that waits.

        Returns:
            The stored one: that of the same id if there was one, or that of the same kind and campaign that already waits.
        """
        ...

    def request(self, request_id: str) -> ServiceRequest | None:
        """Returns a request, or None."""
        ...

    def requests_in(self, state: RequestState, limit: int = 100) -> list[ServiceRequest]:
        """Requests in a state, the oldest first."""
        ...

    def last_requests_in(
        self, state: RequestState, limit: int = 20, after: ServiceRequest | None = None
    ) -> list[ServiceRequest]:
        """Requests in a state, the newest first; arguments as of :meth:`requests_of`."""
        ...

    def requests_of(self, campaign: str, limit: int = 20, after: ServiceRequest | None = None) -> list[ServiceRequest]:
        """Requests for a campaign, the newest first.

        Args:
            after: Only those that come after this one; None: from the newest on.
        """
        ...

    def take_request(self, request_id: str, holder: str, seconds: float) -> bool:
        """Takes a waiting request, so that no other deployment starts a run for it.

        Args:
            holder: Deployment on which the run would be started.
            seconds: How long others are kept away [s]. Taking it again prolongs it.

        Returns:
            Whether it is the holder's now: not while another one has it, and not when it is answered.
        """
        ...

    def answer_request(self, request_id: str, answer: Answer, now: AwareDatetime) -> bool:
        """Stores the answer to a waiting request; returns whether it was waiting."""
        ...

    def end_request(self, request_id: str, reason: str, now: AwareDatetime) -> bool:
        """Stores how the run of an accepted request ended; returns whether it was accepted and had not ended."""
        ...

    def rename_campaign(self, old: str, new: str, created_at: AwareDatetime) -> None:
        """Gives the requests for a campaign its new name; those for another campaign of its old name keep theirs."""
        ...

    def report(self, report: ServiceReport) -> None:
        """Stores the report of a service in place of its last one, and removes those older than :data:`FORGOTTEN`."""
        ...

    def services(self) -> list[ServiceSeen]:
        """The last report of every service, the last seen first."""
        ...
