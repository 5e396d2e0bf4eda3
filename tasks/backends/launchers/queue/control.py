"""Starts, stops and inspects the process that fills a site's queue."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

from tansaku.models.domain.errors import ConfigurationError, StoreError
from tansaku.models.domain.records import JsonDict, Record
from tansaku.models.domain.requests import SiteQueue
from tansaku.tasks.backends.launchers.cluster import Cluster
from tansaku.tasks.backends.stores.site_workers import SiteWorker
from tansaku.tasks.ground.site.processes import end_process, find_process, process_identity

_PATIENCE = 60.0
_LOOK = 0.2
_GRACE = 40.0  # a turn may wait this long for SLURM
_TAIL = 600
_CALLED = {"driver": "driver", "worker": "queue process"}  # by the stored kind


class QueueStatus(Record):
    """Status of a site's queue.

    Attributes:
        worker: The process that fills it or last filled it; None if none ever did.
        fireworks: Number of Fireworks by their state in the LaunchPad.
    """

    site: str
    worker: SiteWorker | None
    fireworks: dict[str, int]

    def describe(self) -> list[str]:
        """Describes the status."""
        listed = ", ".join(f"{count} {state}" for state, count in sorted(self.fireworks.items())) or "none"
        lines = [who_fills(self.site, self.worker), f"  fireworks: {listed}"]
        if self.worker is not None:
            report = self.worker.report
            lines.append(f"  in SLURM {report.get('queued', 0)}, submitted {report.get('submitted', 0)} since its start")
            lines += [f"  refused: {reason}" for reason in refusals(self.worker)]
        return lines


def who_fills(site: str, worker: SiteWorker | None) -> str:
    """One line: which process fills a site's queue, and its last problem."""
    if worker is None:
        return f"queue of {site}: no process has filled it yet; drivers and `tansaku queue start` do"
    owner = worker.owner
    who = f"{_CALLED[worker.kind]} {owner.pid} of {owner.user} on {owner.host}"
    if not worker.alive:
        return f"queue of {site}: no process fills it; the last was {who}, seen {worker.seen_at:%Y-%m-%d %H:%M:%S}Z"
    problem = worker.report.get("problem")
    line = f"queue of {site}: filled by {who} since {worker.since:%Y-%m-%d %H:%M:%S}Z"
    return f"{line}; problem: {problem}" if problem else line


def refusals(worker: SiteWorker | None) -> tuple[str, ...]:
    """Reasons for which the last refused jobs of a site were not run."""
    return () if worker is None else tuple(map(str, worker.report.get("refused", [])))


def site_queue(site: str, worker: SiteWorker | None) -> SiteQueue:
    """The queue of a site as services report it."""
    refused = tuple(f"{site}: {reason}" for reason in refusals(worker))
    return SiteQueue(line=who_fills(site, worker), refused=refused)


def queue_status(cluster: Cluster) -> QueueStatus:
    """Reads the status of a site's queue. Raises TransientError."""
    from tansaku.tasks.backends.launchers.launchpad import count_states

    site = cluster.spec.site
    return QueueStatus(site=site, worker=cluster.workers.get(site), fireworks=count_states(cluster.launchpad, site))


def start_filling(cluster: Cluster, site_file: Path) -> JsonDict:
    """Starts the process that fills a site's queue, on this machine, unless there is one.

    Args:
        cluster: Opened from that file.

    Returns:
        Identity of the process.

    Raises:
        ConfigurationError: One of this site lives already.
        StoreError: The process ended at once; says its last words.
    """
    site = cluster.spec.site
    known = cluster.workers.get(site)
    if known is not None and known.alive and known.kind == "worker" and _lives(known):
        raise ConfigurationError(
            f"site {site} has a queue process: process {known.owner.pid} on {known.owner.host}",
            hint="see `tansaku queue status`",
        )
    folder = Path(cluster.spec.folder) / "worker"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    log = folder / f"{socket.gethostname()}.log"
    with log.open("ab") as output:
        child = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-P", "-m", "tansaku.tasks.backends.launchers.queue.process", str(site_file.absolute())],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    identity, until, idle = process_identity(child.pid), time.monotonic() + _PATIENCE, threading.Event()
    while time.monotonic() < until:
        if child.poll() is not None:
            said = log.read_text(errors="replace")[-_TAIL:].strip()
            raise StoreError(f"the queue process of site {site} ended immediately: {said}", hint=f"its log is {log}")
        now = cluster.workers.get(site)
        # It waits its turn while a driver fills the queue.
        if now is not None and now.alive and (now.owner.pid == child.pid or now.kind == "driver"):
            break
        idle.wait(_LOOK)
    return {**identity, "log": str(log)}


def stop_filling(cluster: Cluster) -> bool:
    """Stops the process that fills a site's queue; jobs in SLURM continue.

    Returns:
        Whether there was one.

    Raises:
        ConfigurationError: It runs on another machine.
    """
    known = cluster.workers.get(cluster.spec.site)
    if known is None or known.kind != "worker" or not known.alive:
        return False
    if known.owner.host != socket.gethostname():
        raise ConfigurationError(
            f"the queue process of site {cluster.spec.site} runs on {known.owner.host}", hint="run `tansaku queue stop` there"
        )
    return end_process(known.owner.pid, known.owner.process_started, _GRACE)


def _lives(worker: SiteWorker) -> bool:
    if worker.owner.host != socket.gethostname():
        return True
    return find_process(worker.owner.pid, worker.owner.process_started) is not None
