"""Runs the queue filler: in a thread of a campaign's driver, or in a dedicated process; one per site at a time."""

from __future__ import annotations

import secrets
import threading
import time
from pathlib import Path
from typing import Literal

from tansaku.models.domain.errors import StoreError, TansakuError
from tansaku.models.domain.specs.cluster import FireworksLauncherSpec
from tansaku.tasks.backends.launchers.queue.filler import QueueFiller
from tansaku.tasks.backends.launchers.retention import sweep_launches
from tansaku.tasks.backends.stores.site_workers import SiteWorkers
from tansaku.tasks.ground.site.processes import has_ended, this_driver

_LEASE_LOOKS = 4
_LEASE_FLOOR = 30.0
_DAY = 86400.0
_BETWEEN_SWEEPS = 3600.0  # [s]


class NoFilling:
    """Leaves the queue to other processes."""

    problem = ""

    def start(self) -> None:
        """Does nothing."""

    def nudge(self) -> None:
        """Does nothing."""

    def check(self) -> None:
        """Does nothing."""

    def stop(self) -> None:
        """Does nothing."""


class Filling:
    """Takes the lease of a site's queue when it is free and fills the queue while it holds it.

    Args:
        spec: The launcher part of the site file.
        filler: Does a turn.
        workers: Leases of sites.
        kind: A driver's thread waits while a worker process does the work, and the other way round.
    """

    def __init__(
        self, spec: FireworksLauncherSpec, filler: QueueFiller, workers: SiteWorkers, kind: Literal["driver", "worker"]
    ) -> None:
        self._spec = spec
        self._filler = filler
        self._workers = workers
        self._kind = kind
        self._me = this_driver()
        self._launcher = secrets.token_hex(8)
        self._halt = threading.Event()
        self._nudge = threading.Event()
        self._thread: threading.Thread | None = None
        self._failure: BaseException | None = None
        self._problem = ""
        self._sweep_at = 0.0

    @property
    def problem(self) -> str:
        """Reason why the queue is not filled, empty if it is."""
        return self._problem

    def start(self) -> None:
        """Begins in a thread."""
        if self._thread is None:
            self._halt.clear()
            self._thread = threading.Thread(target=self._run, name="queue", daemon=True)
            self._thread.start()

    def nudge(self) -> None:
        """Starts the next turn at once, because there are new jobs."""
        self._nudge.set()

    def check(self) -> None:
        """Raises StoreError if the thread has ended because of an internal error."""
        if self._failure is not None:
            raise StoreError(f"the queue of site {self._spec.site} is no longer filled: {self._failure}") from self._failure

    def stop(self) -> None:
        """Ends the thread after its turn and releases the lease."""
        self._halt.set()
        self._nudge.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def serve(self, halt: threading.Event) -> None:
        """Fills in this thread until ``halt`` is set."""
        self._halt = halt
        self._work()

    def hold(self) -> bool:
        """Takes or renews the lease; returns whether it is ours."""
        site, duration = self._spec.site, max(_LEASE_FLOOR, _LEASE_LOOKS * self._spec.look)
        if self._workers.take(site, self._kind, self._me, self._launcher, duration):
            return True
        other = self._workers.get(site)
        gone = other is not None and has_ended(other.owner)
        return gone and self._workers.take(site, self._kind, self._me, self._launcher, duration, steal=True)

    def _run(self) -> None:
        try:
            self._work()
        except BaseException as error:
            self._failure = error
            raise

    def _work(self) -> None:
        while not self._halt.is_set():
            self._turn()
            self._nudge.wait(self._spec.look)
            self._nudge.clear()
        try:
            self._workers.release(self._spec.site, self._launcher)
        except TansakuError as error:
            # It runs out by itself, and a process that is gone is taken over from at once.
            self._problem = error.message

    def _turn(self) -> None:
        try:
            if not self.hold():
                self._problem = ""
                return
            try:
                self._filler.turn()
            finally:
                self._workers.report(self._spec.site, self._launcher, self._filler.report.as_json())
            if self._kind == "worker" and time.monotonic() >= self._sweep_at:
                self._sweep_at = time.monotonic() + _BETWEEN_SWEEPS
                sweep_launches(Path(self._spec.folder), self._spec.keep_logs * _DAY)
            self._problem = ""
        except TansakuError as error:
            self._problem = error.message
