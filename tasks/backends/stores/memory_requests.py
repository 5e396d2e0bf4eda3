"""Requests of the dashboard, answers and reports of services in memory, for tests."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta

from tansaku.models.domain.requests import FORGOTTEN, Answer, RequestState, ServiceReport, ServiceRequest, ServiceSeen
from tansaku.tasks.backends.stores.documents import normalised, utc_now


class MemoryRequests:
    """``Requests`` that live as long as the process.

    Args:
        clock: Of the store.
    """

    def __init__(self, clock: Callable[[], datetime] = utc_now) -> None:
        self._clock = clock
        self._lock = threading.RLock()
        self._requests: dict[str, ServiceRequest] = {}
        self._services: dict[str, tuple[ServiceReport, datetime]] = {}

    def add_request(self, request: ServiceRequest) -> ServiceRequest:
        """Stores a request that waits; returns the stored one, or the one of its campaign that already waits."""
        with self._lock:
            same = (request.campaign, request.kind)
            waits = [known for known in self.requests_in(RequestState.WAITING) if (known.campaign, known.kind) == same]
            known = self._requests.get(request.id) or next(iter(waits), None)
            if known is None:
                known = self._requests[request.id] = normalised(request)
            return known

    def request(self, request_id: str) -> ServiceRequest | None:
        """Returns a request, or None."""
        with self._lock:
            return self._requests.get(request_id)

    def requests_in(self, state: RequestState, limit: int = 100) -> list[ServiceRequest]:
        """Requests in a state, the oldest first."""
        return [request for request in self._ordered() if request.state is state][:limit]

    def last_requests_in(
        self, state: RequestState, limit: int = 20, after: ServiceRequest | None = None
    ) -> list[ServiceRequest]:
        """Requests in a state, the newest first; those after one of them, if it is given."""
        return self._newest(lambda request: request.state is state, limit, after)

    def requests_of(self, campaign: str, limit: int = 20, after: ServiceRequest | None = None) -> list[ServiceRequest]:
        """Requests for a campaign, the newest first; those after one of them, if it is given."""
        return self._newest(lambda request: request.campaign == campaign, limit, after)

    def take_request(self, request_id: str, holder: str, seconds: float) -> bool:
        """Takes a request that waits; returns whether it is the holder's now."""
        with self._lock:
            known, now = self._requests.get(request_id), self._clock()
            if known is None or known.state is not RequestState.WAITING:
                return False
            if known.holder not in (None, holder) and (known.held_until is None or known.held_until > now):
                return False
            self._change(known, holder=holder, held_until=now + timedelta(seconds=seconds))
            return True

    def answer_request(self, request_id: str, answer: Answer, now: datetime) -> bool:
        """Stores the answer to a request that waits; returns whether it waited."""
        with self._lock:
            known = self._requests.get(request_id)
            if known is None or known.state is not RequestState.WAITING:
                return False
            changes = answer.changes(now)
            self._change(known, **changes | {"state": RequestState(changes["state"])})
            return True

    def end_request(self, request_id: str, reason: str, now: datetime) -> bool:
        """Stores how the run of an accepted request ended; returns whether it was accepted and had not ended."""
        with self._lock:
            known = self._requests.get(request_id)
            if known is None or known.state is not RequestState.ACCEPTED:
                return False
            self._change(known, state=RequestState.ENDED, reason=reason, ended_at=now)
            return True

    def rename_campaign(self, old: str, new: str, created_at: datetime) -> None:
        """Gives the requests for a campaign its new name."""
        with self._lock:
            for known in self._ordered():
                if (known.campaign, known.campaign_created_at) == (old, created_at):
                    self._change(known, campaign=new)

    def report(self, report: ServiceReport) -> None:
        """Stores the report of a service in place of its last one, and removes old ones of others."""
        with self._lock:
            now = self._clock()
            self._services[report.id] = (normalised(report), now)
            for key, (_, seen_at) in list(self._services.items()):
                if (now - seen_at).total_seconds() > FORGOTTEN:
                    del self._services[key]

    def services(self) -> list[ServiceSeen]:
        """The last report of every service, the last seen first."""
        with self._lock:
            now = self._clock()
            found = sorted(self._services.values(), key=lambda item: (-item[1].timestamp(), item[0].id))
        return [
            ServiceSeen(report=report, seen_at=seen_at, silent_for=max(0.0, (now - seen_at).total_seconds()))
            for report, seen_at in found
        ]

    def _newest(
        self, wanted: Callable[[ServiceRequest], bool], limit: int, after: ServiceRequest | None
    ) -> list[ServiceRequest]:
        found = [request for request in reversed(self._ordered()) if wanted(request)]
        if after is not None:
            found = [request for request in found if (request.created_at, request.id) < (after.created_at, after.id)]
        return found[:limit]

    def _ordered(self) -> list[ServiceRequest]:
        with self._lock:
            return sorted(self._requests.values(), key=lambda request: (request.created_at, request.id))

    def _change(self, known: ServiceRequest, **values: object) -> None:
        self._requests[known.id] = normalised(known.model_copy(update=values))
