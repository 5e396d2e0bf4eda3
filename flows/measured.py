"""Carries out requests for campaigns whose values are reported in the service itself: people wait for the next proposals.

A run on the Prefect server begins in a new process, which takes ten seconds and more; proposals take one. What takes longer, or
fails in an unexpected way, becomes a run all the same.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

from tansaku.flows.database_thread import working
from tansaku.flows.requests import HOLD, Desk, PrefectRuns, desk_of
from tansaku.models.domain.errors import LeaseHeldError, NotFoundError, TansakuError, TransientError
from tansaku.models.domain.moments import utc_now
from tansaku.models.domain.ports import CampaignStore
from tansaku.models.domain.requests import Answer, RequestState, ServiceRequest
from tansaku.models.domain.verbs import commands_wait
from tansaku.tasks.backends.resources import DatabaseResources, Resources
from tansaku.tasks.backends.stores.campaigns import stored_spec
from tansaku.tasks.loop.driver.loop import CampaignLoop

LOOK = 0.25
"""Interval at which such requests are looked for [s]."""

LONGEST = 20.0
"""Time after which a campaign gets a run of its own [s], so that others need not wait for it."""

_MOST_TURNS = 20
_LOG = logging.getLogger(__name__)


def measured_requests(desk: Desk) -> Callable[[ServiceRequest], bool]:
    """Returns the question whether a request is to run a campaign whose values are reported.

    Args:
        desk: Where the request came.
    """
    known: dict[tuple[str, datetime], bool] = {}

    def concerns(request: ServiceRequest) -> bool:
        key = (request.campaign, request.campaign_created_at)
        if request.kind == "run" and key not in known:
            known[key] = _is_manual(desk.store, request.campaign)
        return request.kind == "run" and known[key]

    return concerns


@dataclass
class Measured:
    """Answers the requests to run campaigns whose values are reported.

    Attributes:
        desk: Starts a run where that is needed; others leave these requests to this one.
        advance: Drives a campaign for some seconds; returns whether that was enough. Raises as :class:`CampaignLoop` does.
    """

    desk: Desk
    advance: Callable[[str], bool]
    _holder: str | None = None

    def __post_init__(self) -> None:
        self._concerns = measured_requests(self.desk)

    def answer_all(self) -> None:
        """Answers the requests that wait. Raises OutageError, TransientError."""
        for request in self.desk.requests.requests_in(RequestState.WAITING):
            if not self._concerns(request):
                continue
            self._holder = self._holder or self.desk.runs.deployment()
            if self._holder is not None and self.desk.requests.take_request(request.id, self._holder, HOLD):
                self._answer(request)

    def _answer(self, request: ServiceRequest) -> None:
        answer = self._refusal(request) or self._driven(request) or self.desk.answer(request)
        self.desk.requests.answer_request(request.id, answer, utc_now())
        if answer.done and self._has_more(request):  # a value that was stored while this request waited made none of its own
            self._driven(request)

    def _refusal(self, request: ServiceRequest) -> Answer | None:
        try:
            objection = self.desk.objection(request)
        except LeaseHeldError:
            return Answer(service=self.desk.service, done=True)  # its driver takes what was stored
        return None if objection is None else Answer(service=self.desk.service, reason=objection)

    def _driven(self, request: ServiceRequest) -> Answer | None:
        """Drives the campaign; None: it needs a run of its own, in which an error is seen too."""
        try:
            enough = self.advance(request.campaign)
            for _ in range(_MOST_TURNS):  # a value that was stored while the campaign had its driver made no request
                if not enough or not self._has_more(request):
                    break
                enough = self.advance(request.campaign)
        except LeaseHeldError:
            enough = True
        except TransientError:
            raise
        except Exception as error:  # noqa: BLE001 - this thread serves all campaigns; a run of its own shows the error
            _LOG.error("campaign %s: %s", request.campaign, error)
            enough = False
        return Answer(service=self.desk.service, done=True) if enough else None

    def _has_more(self, request: ServiceRequest) -> bool:
        try:
            return commands_wait(self.desk.store.campaign(request.campaign))
        except NotFoundError:
            return False


def _is_manual(store: CampaignStore, name: str) -> bool:
    """Whether people report the values, and no function of a script is called, which might not return."""
    try:
        spec = stored_spec(store.campaign(name))
        return spec.manual and getattr(spec.proposer, "function", None) is None
    except TransientError:
        raise
    except TansakuError:
        return False  # the desk explains it


@contextmanager
def measuring(service: str, site: Path | None, show: Callable[[str], None]) -> Iterator[None]:
    """Answers such requests while the context is open.

    Args:
        site: Site file, which names the database; None: that of the environment.
        show: Shows a line to the user.
    """

    def serve(resources: DatabaseResources, halt: threading.Event) -> None:
        advance = partial(drive_for_a_while, resources, halt=halt)
        measured = Measured(desk_of(service, resources, PrefectRuns(service)), advance)
        while not halt.is_set():
            measured.answer_all()
            halt.wait(LOOK)

    with working("measured", site, serve, lambda problem: show(f"campaigns of measurements wait: {problem}")):
        yield


def drive_for_a_while(resources: Resources, name: str, halt: threading.Event) -> bool:
    """Drives a stored campaign for at most :data:`LONGEST` seconds; returns whether nothing is left to do now."""
    with CampaignLoop(resources, name, halt=halt) as loop:
        return loop.advance(LONGEST) and not halt.is_set()
