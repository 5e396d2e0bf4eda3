"""Jobs on this machine: worker processes of our own, met through a spool folder (:mod:`tansaku.tasks.jobs.spool`).

Workers are sessions of their own and write to log files, so that neither a signal to the driver's terminal nor a reader of
the driver's output meets them. A thread replaces workers that died and ends jobs that are overdue. Whatever is known of a
job is in the spool; a launcher in another process, after a crash too, sees the same.
"""

from __future__ import annotations

import secrets
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tansaku.models.domain.errors import TransientError
from tansaku.models.domain.ports import JobRequest, JobResult, JobStatus
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.site import LocalLauncherSpec
from tansaku.models.domain.states import JobState
from tansaku.tasks.jobs.spool import Spool, read_json
from tansaku.tasks.launchers.results import settled_status, spooled_result
from tansaku.tasks.processes import end_process, find_process, process_identity
from tansaku.tasks.settings import worker_environment

_KIND = "local"
_LOOK = 0.1
"""Interval at which dead workers and overdue jobs are looked for [s]."""

_LEAVE = 2.0
"""Time that idle workers have to end by themselves [s]."""

_STILLBORN = 3
"""Workers in a row that die before they are ready, after which the launcher says that it cannot work."""

_LOG_TAIL = 600


@dataclass
class _Member:
    """A worker: a child of ours, or one that was adopted (``child`` None)."""

    pid: int
    started: float
    log: Path | None = None
    child: subprocess.Popen[bytes] | None = None

    @property
    def alive(self) -> bool:
        if self.child is not None:
            return self.child.poll() is None
        return find_process(self.pid, self.started) is not None


class LocalLauncher:
    """``Launcher`` on worker processes of this machine.

    Args:
        spool: Folder of the campaign's jobs; made if it does not exist.
        spec: Grace between TERM and KILL.
        n_workers: Jobs done at once.
    """

    def __init__(self, spool: Path, spec: LocalLauncherSpec, n_workers: int) -> None:
        self._spool = Spool(spool.resolve())
        self._grace = spec.kill_grace
        self._parallel = spec.parallel
        self._n_workers = n_workers
        self._members: list[_Member] = []
        self._me = {**process_identity(), "launcher": secrets.token_hex(8)}
        self._lock = threading.RLock()
        self._halt = threading.Event()
        self._supervisor: threading.Thread | None = None
        self._stillborn = 0
        self._spawn_after = 0.0
        self._last_words = ""

    def start(self) -> None:
        """Takes the spool over: adopts the workers that live, starts those that are missing.

        Raises:
            TransientError: The spool cannot be made.
        """
        if self._supervisor is not None:
            return
        self._spool.create()
        with self._lock:
            self._spool.serve(self._me)
            self._spool.prune()
            self._adopt()
            self._fill()
        self._halt.clear()
        self._supervisor = threading.Thread(target=self._supervise, name="workers", daemon=True)
        self._supervisor.start()

    def submit(self, job: JobRequest) -> JsonDict:
        """Queues a job once per name; returns its handle."""
        self._check_health()
        try:
            self._spool.add(job.name, {"name": job.name, "token": job.token, "timeout": job.timeout, "document": job.document})
        except OSError as error:
            raise TransientError(f"job {job.name} cannot be written to {self._spool.root}: {error.strerror}") from error
        return _handle(job.name)

    def find(self, name: str) -> JsonDict | None:
        """Handle of the job of this name, or None."""
        return _handle(name) if self._spool.folder(name).is_dir() else None

    def poll(self, handles: Sequence[JsonDict]) -> list[JobStatus]:
        """States of jobs, in the order asked."""
        self._check_health()
        return [self._status(handle["name"]) for handle in handles]

    def wait(self, handles: Sequence[JsonDict], timeout: float) -> None:
        """Returns when a job has ended or ``timeout`` seconds have passed; that one began does not end the wait."""
        if handles:
            self._spool.wait("news", timeout, drain=True)

    def fetch(self, handle: JsonDict) -> JobResult:
        """Result of a FINISHED job. Raises NotFoundError, TransientError."""
        return spooled_result(self._spool, handle["name"])

    def cancel(self, handle: JsonDict) -> None:
        """Ends a job and the worker that does it."""
        name = handle["name"]
        with self._lock:
            if not self._spool.folder(name).is_dir() or self._spool.is_over(name):
                return
            if self._spool.claim(name, pid=0):
                self._spool.unqueue(name)
            else:
                self._end(name)
            self._spool.lose(name, "cancelled", "cancelled")
            self._replace_dead()

    def discard(self, handle: JsonDict) -> None:
        """Forgets a job whose result has been collected."""
        self._spool.remove(handle["name"])

    def runtime(self) -> Mapping[str, Any]:
        """Spool and identities of the workers."""
        with self._lock:
            workers = [{"host": self._me["host"], "pid": one.pid, "started": one.started} for one in self._members]
        return {"type": _KIND, "spool": str(self._spool.root), "workers": workers}

    def stop(self) -> None:
        """Lets idle workers end; busy ones end after their job. Does nothing to workers that another driver has taken over."""
        self._halt.set()
        if self._supervisor is not None:
            self._supervisor.join()
            self._supervisor = None
        with self._lock:
            if self._serving():
                self._spool.leave()
                for _ in self._members:
                    self._spool.signal("work")
                self._see_off()
                self._spool.sweep()
            self._members.clear()
        self._spool.close()

    # ---------------------------------------------------------------- jobs

    def _status(self, name: str) -> JobStatus:
        known = settled_status(self._spool, name)
        if known is not None:
            return known
        claim = self._spool.claimed(name)
        if claim is None:
            return JobStatus(JobState.QUEUED)
        if claim.alive:
            return JobStatus(JobState.RUNNING)
        self._bury(name)
        # The worker may have left its result, or the launcher its verdict, between our looks.
        return settled_status(self._spool, name) or JobStatus(JobState.LOST, "unknown_job", f"job {name} was discarded")

    def _bury(self, name: str) -> None:
        """Gives up a job whose worker is gone; one that is being ended for a reason is lost for that reason."""
        with self._lock:
            claim = self._spool.claimed(name)
            if claim is not None:
                since = time.time() - claim.at
                self._spool.lose(
                    name, "worker_died", f"worker {claim.pid} on {claim.host} ended {since:.1f} s after it had begun"
                )

    def _end(self, name: str) -> None:
        claim = self._spool.claimed(name)
        if claim is not None and claim.alive and not self._spool.is_over(name):
            end_process(claim.pid, claim.started, self._grace, with_children=True)

    def _check_jobs(self) -> None:
        for name in self._spool.claims():
            if self._spool.is_over(name):
                continue
            claim = self._spool.claimed(name)
            request = read_json(self._spool.folder(name) / "request.json")
            if claim is None or request is None:
                continue
            if time.time() - claim.at > request["timeout"]:
                self._end(name)
                self._spool.lose(name, "timeout", f"not finished after {request['timeout']:g} s")
            elif not claim.alive:
                self._bury(name)

    # ---------------------------------------------------------------- workers

    def _supervise(self) -> None:
        while not self._halt.wait(_LOOK):
            with self._lock:
                if not self._serving():
                    return
                self._replace_dead()
                self._check_jobs()
            self._spool.sweep()

    def _serving(self) -> bool:
        return self._spool.driver() == self._me

    def _adopt(self) -> None:
        for record in (self._spool.root / "workers").glob("*.json"):
            worker = read_json(record)
            if worker is not None and find_process(worker["pid"], worker["started"]) is not None:
                self._members.append(_Member(worker["pid"], worker["started"]))
            else:
                record.unlink(missing_ok=True)

    def _fill(self) -> None:
        if time.monotonic() < self._spawn_after:
            return
        for slot in range(self._n_workers - len(self._members)):
            log = self._spool.root / "logs" / f"{time.time_ns()}-{slot}.log"
            with log.open("wb") as output:
                child = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                    # -P: what lies in the user's folder does not shadow a module.
                    [sys.executable, "-P", "-m", "tansaku.tasks.jobs.worker", str(self._spool.root)],
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    env=worker_environment(self._parallel),
                    start_new_session=True,
                )
            self._members.append(_Member(child.pid, process_identity(child.pid)["started"], log, child))

    def _replace_dead(self) -> None:
        records = self._spool.root / "workers"
        for member in [member for member in self._members if not member.alive]:
            self._members.remove(member)
            record = records / f"{member.pid}.json"
            was_ready = record.exists() or member.child is None or member.child.returncode == 0
            record.unlink(missing_ok=True)
            self._stillborn = 0 if was_ready else self._stillborn + 1
            if not was_ready:
                self._last_words = _tail(member.log)
                self._spawn_after = time.monotonic() + min(0.1 * 2.0**self._stillborn, 5.0)
            else:
                _drop_if_empty(member.log)
        if self._stillborn and any((records / f"{member.pid}.json").exists() for member in self._members):
            self._stillborn = 0
        self._fill()

    def _check_health(self) -> None:
        if self._stillborn >= _STILLBORN:
            raise TransientError(
                f"worker processes end before they are ready, {self._stillborn} in a row: {self._last_words}",
                hint=f"their output is in {self._spool.root / 'logs'}",
            )

    def _see_off(self) -> None:
        """Waits for idle workers to end, and ends those that do not."""
        deadline = time.monotonic() + _LEAVE
        for member in self._members:
            if member.child is None:
                continue
            try:
                member.child.wait(0 if self._busy(member) else max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                if not self._busy(member):
                    member.child.terminate()
            else:
                _drop_if_empty(member.log)

    def _busy(self, member: _Member) -> bool:
        for name in self._spool.claims():
            claim = self._spool.claimed(name)
            if claim is not None and claim.pid == member.pid and not self._spool.is_over(name):
                return True
        return False


def _handle(name: str) -> JsonDict:
    return {"type": _KIND, "name": name}


def _drop_if_empty(log: Path | None) -> None:
    if log is not None and log.exists() and not log.stat().st_size:
        log.unlink()


def _tail(log: Path | None) -> str:
    if log is None or not log.exists():
        return ""
    return log.read_text(errors="replace")[-_LOG_TAIL:].strip().replace("\n", " | ")
