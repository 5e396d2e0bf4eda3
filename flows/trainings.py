"""Carries out the trainings that users of the dashboard ask for, each in a process of its own, one after the other."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from tansaku.flows.database_thread import working
from tansaku.flows.training_process import STOP_SECONDS
from tansaku.models.domain.moments import utc_now
from tansaku.models.domain.trainings import TrainingEnd, TrainingRequest, TrainingState
from tansaku.tasks.backends.resources import DatabaseResources
from tansaku.tasks.ground.site.bound_process import BoundProcess

LOOK = 1.0
"""Interval at which a service looks for trainings, and whether one was cancelled [s]."""

HOLD = 60.0
"""A training whose service was silent for this long is continued by another one [s]."""


@contextmanager
def training(service: str, site: Path | None, show: Callable[[str], None]) -> Iterator[None]:
    """Trains while the context is open.

    Args:
        service: Name of the service.
        site: Site file, which names the database; None: that of the environment.
        show: Shows a line to the user.
    """
    holder = f"{service}@{socket.gethostname()}"
    with working("trainings", site, partial(_serve, holder, site), lambda problem: show(f"trainings wait: {problem}")):
        yield


def _serve(holder: str, site: Path | None, resources: DatabaseResources, halt: threading.Event) -> None:
    while not halt.wait(LOOK):
        request = resources.requests.take_training(holder, HOLD)
        if request is not None:
            _train(resources, request, site, halt)


def _train(resources: DatabaseResources, request: TrainingRequest, site: Path | None, halt: threading.Event) -> None:
    """Trains in a process of its own, which ends with this one and when the training is cancelled."""
    folder = resources.settings.home / "service"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    message = {"training": request.id, "site": None if site is None else str(site)}
    child = BoundProcess("tansaku.flows.training_process", message, folder / "training.log", environment=None)
    try:
        while not halt.is_set() and resources.requests.hold_training(request.id, request.holder or "", HOLD):
            try:
                if child.answer(LOOK) is None:
                    last = child.log_tail().rpartition("\n")[2]
                    end = TrainingEnd(state=TrainingState.FAILED, reason=f"its process ended: {last or 'without a word'}")
                    resources.requests.end_training(request.id, end, utc_now())
            except TimeoutError:
                continue
    finally:
        child.stop(STOP_SECONDS)
