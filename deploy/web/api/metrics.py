"""Numbers for monitoring in the text format of Prometheus: /metrics."""

from __future__ import annotations

import threading
import time
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tansaku.deploy.web.auth.roles import Admin
from tansaku.deploy.web.services import Services, services_of
from tansaku.models.domain.states import ACTIVE_STATES
from tansaku.tasks.read.views.service_health import read_health

router = APIRouter()

BOUNDS = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
"""Upper bounds of the counted durations [s]."""


@dataclass
class Latencies:
    """Durations of requests, counted by kind of answer since the process started.

    Attributes:
        counts: Requests by first digit of the status and number of the smallest bound that they keep.
        seconds: Sum of the durations by first digit of the status [s].
    """

    counts: Counter[tuple[int, int]] = field(default_factory=Counter)
    seconds: defaultdict[int, float] = field(default_factory=lambda: defaultdict(float))
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, status: int, seconds: float) -> None:
        """Counts a request."""
        with self.lock:
            self.counts[status // 100, bisect_left(BOUNDS, seconds)] += 1
            self.seconds[status // 100] += seconds

    def lines(self) -> Iterator[str]:
        """Its lines."""
        name = "tansaku_request_seconds"
        yield f"# HELP {name} Time until an answer begins."
        yield f"# TYPE {name} histogram"
        for kind in sorted(self.seconds):
            total = 0
            for place, bound in enumerate((*map(str, BOUNDS), "+Inf")):
                total += self.counts[kind, place]
                yield f'{name}_bucket{{status="{kind}xx",le="{bound}"}} {total}'
            yield f'{name}_sum{{status="{kind}xx"}} {self.seconds[kind]:.6g}'
            yield f'{name}_count{{status="{kind}xx"}} {total}'


class Measured:
    """Notes how long the application takes to begin each answer.

    Args:
        latencies: Where it is noted.
    """

    def __init__(self, app: ASGIApp, latencies: Latencies) -> None:
        self._app = app
        self._latencies = latencies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers."""
        started = time.monotonic()

        async def send_and_note(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._latencies.note(message["status"], time.monotonic() - started)
            await send(message)

        await self._app(scope, receive, send_and_note)


@router.get("/metrics", response_class=PlainTextResponse)
def metrics(request: Request, _: Admin) -> Response:
    """Campaigns, evaluations, services, queue, outbox and latencies; for a program with an admin's token."""
    lines = [*_gauges(services_of(request)), *request.app.state.latencies.lines()]
    return Response("\n".join(lines) + "\n", media_type="text/plain; version=0.0.4; charset=utf-8")


def _gauges(services: Services) -> Iterator[str]:
    lines, evaluations = services.readings.lines(), Counter[str]()
    for line in lines:
        evaluations.update({state.value: count for state, count in services.store.state_counts(line.name).items()})
    health = read_health(services.requests)
    queued = {"evaluations": sum(evaluations[state.value] for state in ACTIVE_STATES), "requests": health.waiting}
    yield from _family("campaigns", "Stored campaigns.", "state", Counter(str(line.state) for line in lines))
    yield from _family("evaluations", "Evaluations of all campaigns.", "state", evaluations)
    yield from _family("queue", "What is in progress, or waits for a service.", "what", queued)
    drivers = sum(getattr(line, "driver", None) is not None for line in lines)
    running = {"services": sum(service.running for service in health.services), "drivers": drivers}
    yield from _family("running", "Services and drivers of campaigns that run.", "what", running)
    yield from _family("outbox", "Messages that are to be sent.", "state", {"waiting": services.notifications.waiting()})


def _family(name: str, text: str, label: str, values: Mapping[str, int]) -> Iterator[str]:
    yield f"# HELP tansaku_{name} {text}"
    yield f"# TYPE tansaku_{name} gauge"
    for key, value in sorted(values.items()):
        yield f'tansaku_{name}{{{label}="{key}"}} {value}'
