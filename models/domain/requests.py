"""What the dashboard and the service report to each other: requests in one direction, answers and reports in the other.

The dashboard stores a request and never talks to Prefect. A service takes it, starts a run of its deployment, and stores the
answer. The port of the store that keeps both is :class:`Requests`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal, Protocol

from pydantic import AwareDatetime, Field

from tansaku.models.domain.records import Record

REQUEST_ID_PATTERN = r"^[A-Za-z0-9._:-]{8,64}$"


class RequestState(StrEnum):
    """Where a request stands."""

    WAITING = "waiting"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    ENDED = "ended"


class ServiceRequest(Record):
    """Something that a user asks of the service.

    Attributes:
        id: Chosen by whoever asks; storing it twice is the same as once, and it starts at most one run.
        kind: ``run``: drive a stored campaign to its end.
        campaign: Name of the campaign.
        campaign_created_at: Distinguishes it from a later campaign of the same name.
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
    kind: Literal["run"] = "run"
    campaign: str
    campaign_created_at: AwareDatetime
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
    """A service's answer to a request: the run that it started, or why it started none.

    Attributes:
        service: Its name.
        run: Id of the run; None: refused.
        reason: Why it was refused.
    """

    service: str
    run: str | None = None
    reason: str = ""


class ServiceReport(Record):
    """What a service says of itself every few seconds.

    Attributes:
        id: Name and host, which together are one service.
        since: When it started.
        version: Of tansaku.
        problem: What keeps it from starting runs; empty: nothing.
        sites: A line about each cluster that it serves: who fills its queue, and what hinders that.
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
    stopped: bool = False


class ServiceSeen(Record):
    """The last report of a service, and when it came by the clock of the store.

    Attributes:
        silent_for: Time since then [s].
    """

    report: ServiceReport
    seen_at: AwareDatetime
    silent_for: float


class Requests(Protocol):
    """Where requests, answers and reports are stored.

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

    def requests_of(self, campaign: str, limit: int = 20) -> list[ServiceRequest]:
        """Requests for a campaign, the newest first."""
        ...

    def take_request(self, request_id: str, holder: str, seconds: float) -> bool:
        """Takes a request that waits, so that no other deployment may start a run for it.

        Args:
            request_id: The request.
            holder: Deployment on which the run would be started.
            seconds: How long others are kept away [s]. Taking it again prolongs it.

        Returns:
            Whether it is the holder's now: not while another one has it, and not when it is answered.
        """
        ...

    def answer_request(self, request_id: str, answer: Answer, now: AwareDatetime) -> bool:
        """Stores the answer to a request that waits; returns whether it waited."""
        ...

    def end_request(self, request_id: str, reason: str, now: AwareDatetime) -> bool:
        """Stores how the run of an accepted request ended; returns whether it was accepted and had not ended."""
        ...

    def report(self, report: ServiceReport) -> None:
        """Stores the report of a service in place of its last one."""
        ...

    def services(self) -> list[ServiceSeen]:
        """The last report of every service, the last seen first."""
        ...
