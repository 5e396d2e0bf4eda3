"""The health of services and the requests that wait for them, as the dashboard shows it."""

from __future__ import annotations

from pydantic import AwareDatetime

from tansaku.models.domain.records import CampaignRecord, Record
from tansaku.models.domain.requests import FORGOTTEN, Requests, RequestState, ServiceRequest, ServiceSeen
from tansaku.models.domain.states import WITHOUT_DRIVER, CampaignState

SILENCE = 30.0
"""A service without a report for this long does not run [s]: several reports were missed."""

_MOST_WAITING = 500
_OLD = 86400.0  # a service that was not seen for this long is probably gone [s]


class ServiceState(Record):
    """A service as it is now.

    Attributes:
        name: Of the service.
        host: Where it runs or ran.
        version: Of tansaku.
        running: Whether it was seen within :data:`SILENCE`, and did not say that it ends.
        since: When it started.
        seen_at: When it was last seen, by the clock of the store.
        silent_for: Time since then [s].
        problem: What keeps it from starting runs; empty: nothing.
        sites: A line about each cluster that it serves.
        refused: Why the last refused jobs of those clusters were not run.
        old: Whether it was not seen for a day.
    """

    name: str
    host: str
    version: str
    running: bool
    old: bool
    since: AwareDatetime
    seen_at: AwareDatetime
    silent_for: float
    problem: str
    sites: tuple[str, ...]
    refused: tuple[str, ...]


class Health(Record):
    """Services, and requests that wait.

    Attributes:
        services: The last seen first.
        waiting: Number of requests that wait, counted up to 500.
        waiting_since: When the oldest of them was stored.
    """

    services: tuple[ServiceState, ...]
    waiting: int
    waiting_since: AwareDatetime | None

    @property
    def running(self) -> bool:
        """Whether a service runs."""
        return any(service.running for service in self.services)


def read_health(requests: Requests) -> Health:
    """Reads the health; the database answers, or this raises TransientError."""
    waiting = requests.requests_in(RequestState.WAITING, _MOST_WAITING)
    services = tuple(_state(seen) for seen in requests.services() if seen.silent_for < FORGOTTEN)
    return Health(services=services, waiting=len(waiting), waiting_since=waiting[0].created_at if waiting else None)


def last_request(requests: Requests, record: CampaignRecord) -> ServiceRequest | None:
    """The last request for a campaign, not for an earlier campaign of its name; None if there is none."""
    found = (known for known in requests.requests_of(record.name) if known.campaign_created_at == record.created_at)
    return next(found, None)


def open_requests(requests: Requests) -> dict[str, ServiceRequest]:
    """Requests that wait or whose run has not ended, by the name of their campaign."""
    return {known.campaign: known for known in unfinished_requests(requests)}


def unfinished_requests(requests: Requests) -> list[ServiceRequest]:
    """Requests whose run has not ended, then those that wait, each the oldest first; up to 500 of both."""
    accepted = requests.requests_in(RequestState.ACCEPTED, _MOST_WAITING)
    return [*accepted, *requests.requests_in(RequestState.WAITING, _MOST_WAITING)]


def is_open(request: ServiceRequest) -> bool:
    """Returns whether a request waits, or its run has not ended."""
    return request.state in (RequestState.WAITING, RequestState.ACCEPTED)


def is_starting(state: CampaignState, drivers: int, request: ServiceRequest | None) -> bool:
    """Returns whether a run was asked for and no driver has reported since; no clock is asked.

    Args:
        drivers: How many drivers it has had.
        request: The last one for it.
    """
    if request is None or request.kind != "run" or not is_open(request):
        return False
    if state in (CampaignState.PAUSED, CampaignState.CANCELLED):  # it was paused or cancelled before the service came to it
        return False
    # Also a finished campaign starts again: with a larger budget, or with failures that are retried.
    return state in WITHOUT_DRIVER if request.drivers is None else request.drivers == drivers


def describe_request(request: ServiceRequest) -> str:
    """Describes the outcome of a request to run, delete or rename a campaign."""
    if request.state is RequestState.WAITING:
        return f"{request.kind}: requested; waiting for the service"
    if request.state is RequestState.REFUSED:
        return f"{request.kind}: refused by service {request.service}: {request.reason}"
    if request.kind != "run":
        return f"{request.kind}: done by service {request.service}"
    if request.state is RequestState.ACCEPTED:
        return f"run: started by service {request.service}"
    if request.reason.startswith("Suspended:"):
        return "run: paused"
    return f"run: ended: {request.reason}" if request.reason else "run: ended"


def _state(seen: ServiceSeen) -> ServiceState:
    report = seen.report
    return ServiceState(
        name=report.name,
        host=report.host,
        version=report.version,
        running=not report.stopped and seen.silent_for < SILENCE,
        old=seen.silent_for >= _OLD,
        since=report.since,
        seen_at=seen.seen_at,
        silent_for=seen.silent_for,
        problem=report.problem,
        sites=report.sites,
        refused=report.refused,
    )
