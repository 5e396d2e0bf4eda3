"""Jobs on this machine: worker processes that communicate through a spool folder (:mod:`tansaku.tasks.node.jobs.spool`).

Workers are sessions of their own and write to log files, so that neither a signal to the driver's terminal nor a reader of
the driver's output meets them. Where that is possible, they are forked from one process that has their imports. A thread
replaces workers that died and ends jobs that are overdue. When it cannot, it tries again after a pause, and the next call of
the launcher raises the reason. Whatever is known of a job is in the spool; a launcher in another process, after a crash too,
sees the same.
"""

from __future__ import annotations

import math
import secrets
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

import psutil

from tansaku.models.domain.errors import DamagedFileError, DiskFullError, StoreError, TansakuError, TransientError
from tansaku.models.domain.ports import JobRequest, JobResult, JobStatus
from tansaku.models.domain.records import JsonDict, ProcessStart
from tansaku.models.domain.specs.local_launcher import LocalLauncherSpec
from tansaku.models.domain.states import JobState
from tansaku.tasks.backends.launchers.spool_results import settled_status, spooled_result
from tansaku.tasks.ground.settings import worker_environment
from tansaku.tasks.ground.site.processes import end_process, find_process, process_identity
from tansaku.tasks.node.jobs.forked import FORKER
from tansaku.tasks.node.jobs.spool import Spool, sweep_frozen
from tansaku.tasks.node.jobs.spool_files import delete, lacks_room, lacks_space, read_identity, read_json

if TYPE_CHECKING:
    from tansaku.models.domain.specs.campaign import CampaignSpec
    from tansaku.models.domain.specs.launcher_base import LauncherBase

_KIND = "local"
_LOOK = 0.1
"""Interval between checks for dead workers and overdue jobs [s]."""

_LONGEST_PAUSE = 5.0
"""Longest pause of the supervisor after an error [s]."""

_AFTER_FULL = 5.0
"""Time for workers to write their results once a full disk has space again, before jobs count as overdue [s]."""

_MB = 1e6

_LEAVE = 2.0
"""Time for idle workers to end by themselves [s]."""


class LocalLauncher:
    """``Launcher`` on worker processes of this machine.

    Args:
        spool: Folder of the campaign's jobs; made if it does not exist.
        spec: Grace between TERM and KILL.
        n_workers: Jobs done at once.
        campaign: Whose jobs it does; None: not known.
    """

    def __init__(self, spool: Path, spec: LocalLauncherSpec, n_workers: int, campaign: CampaignSpec | None = None) -> None:
        self._spool = Spool(spool.resolve())
        self._grace = spec.kill_grace
        self._min_free = spec.min_free_space * _MB
        self._parallel, self._variables, self._limits = spec.parallel, spec.environment, spec.evaluation_limits
        self._n_workers, self._campaign = n_workers, campaign
        self._members: list[Member] = []
        self._me = {**process_identity(), "launcher": secrets.token_hex(8)}
        self._lock = threading.RLock()
        self._halt = threading.Event()
        self._supervisor: threading.Thread | None = None
        self._deaths = Deaths()
        self._trouble: TransientError | None = None
        self._full_at = -math.inf

    def start(self) -> None:
        """Takes over the spool: adopts live workers and starts missing ones.

        Raises:
            TransientError: The spool cannot be made, or no worker can be started.
        """
        if self._supervisor is not None:
            return
        self._spool.create()
        with self._lock, _explained("the workers cannot be started", self._spool.root):
            self._spool.serve(self._me)
            self._spool.prune()
            self._adopt()
            self._fill()
        self._halt.clear()
        self._supervisor = threading.Thread(target=self._supervise, name="workers", daemon=True)
        self._supervisor.start()

    def submit(self, job: JobRequest) -> JsonDict:
        """Queues a job once per name; returns its handle.

        Raises:
            DiskFullError: There is less room than the site file asks for.
            TransientError: The spool or the workers do not work.
        """
        self._check_health()
        with _explained(f"job {job.name} cannot be queued", self._spool.root):
            if lacks_space(self._spool.root, self._min_free):
                raise DiskFullError(self._spool.root)
            self._spool.add(job.name, {"name": job.name, "token": job.token, "timeout": job.timeout, "document": job.document})
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
        result = spooled_result(self._spool, handle["name"])
        self._deaths.note_progress()
        return result

    def cancel(self, handle: JsonDict) -> None:
        """Ends a job and its worker."""
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
            workers = [{"host": self._me["host"], "pid": member.pid, "started": member.started} for member in self._members]
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
                sweep_frozen(self._spool)
            self._forget_workers()
        FORKER.close()
        self._spool.close()

    # ---------------------------------------------------------------- jobs

    def _status(self, name: str) -> JobStatus:
        known = settled_status(self._spool, name)
        if known is not None:
            return known
        try:
            claim = self._spool.claimed(name)
            if claim is None:
                return JobStatus(JobState.QUEUED)
            if claim.alive:
                return JobStatus(JobState.RUNNING)
            self._bury(name)
        except DamagedFileError as error:
            self._spool.lose_damaged(name, error)
        # The worker may have written its result, or the launcher its verdict, between our polls.
        return settled_status(self._spool, name) or JobStatus(JobState.LOST, "unknown_job", f"job {name} was discarded")

    def _bury(self, name: str) -> None:
        """Marks a job lost whose worker is gone, with the reason if the worker was ended on purpose."""
        with self._lock:
            claim = self._spool.claimed(name)
            if claim is not None:
                self._note_job(claim.pid)
                message = f"worker {claim.pid} on {claim.host} ended {claim.age:.1f} s after it had begun"
                self._spool.lose(name, "worker_died", message)

    def _note_job(self, pid: int) -> None:
        """Remembers the worker of a job: after the job is discarded, its claim is gone."""
        for member in self._members:
            member.had_job = member.had_job or member.pid == pid

    def _end(self, name: str) -> None:
        claim = self._spool.claimed(name)
        if claim is not None and claim.alive and not self._spool.is_over(name):
            self._note_job(claim.pid)
            end_process(claim.pid, claim.started, self._grace)

    def _check_jobs(self) -> None:
        # Workers that wait for disk space to write a result are not overdue.
        times_out = time.monotonic() > self._full_at + _AFTER_FULL
        for name in self._spool.claims():
            if self._spool.is_over(name):
                continue
            try:
                self._check_job(name, times_out=times_out)
            except DamagedFileError as error:
                self._spool.lose_damaged(name, error)

    def _check_job(self, name: str, *, times_out: bool) -> None:
        claim = self._spool.claimed(name)
        request = read_json(self._spool.folder(name) / "request.json")
        if claim is None or request is None:
            return
        timeout = request.get("timeout")
        if not isinstance(timeout, int | float):
            raise DamagedFileError(f"request of job {name} is damaged: timeout {timeout!r}, expected a number")
        if times_out and claim.age > timeout:
            self._end(name)
            self._spool.lose(name, "timeout", f"not finished after {timeout:g} s")
        elif not claim.alive:
            self._bury(name)

    # ---------------------------------------------------------------- workers

    def _supervise(self) -> None:
        pause = _LOOK
        while not self._halt.wait(pause):
            try:
                with self._lock, _explained("the workers cannot be supervised", self._spool.root):
                    self._keep_serving()
                    self._look_after()
            except TransientError as error:
                self._trouble = error
                pause = min(2.0 * pause, _LONGEST_PAUSE)
            else:
                self._trouble, pause = None, _LOOK

    def _look_after(self) -> None:
        """Runs one pass of the supervisor."""
        if lacks_space(self._spool.root, 0.0):
            # There is no space for workers or verdicts; workers with a result wait.
            self._full_at = time.monotonic()
            raise DiskFullError(self._spool.root)
        self._replace_dead()
        self._check_jobs()
        self._spool.sweep()

    def _serving(self) -> bool:
        try:
            return self._spool.driver() == self._me
        except DamagedFileError:
            # The campaign's lease decides the owner: it is ours until another driver writes its identity there.
            self._spool.serve(self._me)
            return True

    def _keep_serving(self) -> None:
        """Takes the spool again where the driver's file was removed or names a process that is gone.

        Raises:
            TransientError: It names another driver that may be alive. If that one has taken the campaign over, the lease says
                so at the next heartbeat; otherwise the user must know.
        """
        if self._serving():
            return
        if self._spool.served_elsewhere:
            raise TransientError(
                f"spool {self._spool.root} names another driver that may be alive",
                hint=f"if there is none, remove {self._spool.root / 'driver.json'}: it is written again",
            )
        self._spool.create()
        self._spool.serve(self._me)

    def _adopt(self) -> None:
        for record in (self._spool.root / "workers").glob("*.json"):
            try:
                worker = read_identity(record)
            except DamagedFileError:
                worker = None
            if worker is not None and find_process(worker["pid"], worker["started"]) is not None:
                self._members.append(Member(worker["pid"], worker["started"]))
            else:
                delete(record)

    def _fill(self) -> None:
        if not self._deaths.may_spawn:
            return
        for slot in range(self._n_workers - len(self._members)):
            log = self._spool.root / "logs" / f"{time.time_ns()}-{slot}.log"
            with log.open("wb") as output:
                self._members.append(self._started(log, output))

    def _started(self, log: Path, output: BinaryIO) -> Member:
        """Starts a worker, by a fork where that is possible."""
        command = worker_command(self._spool)
        environment = worker_environment(self._parallel, self._variables, self._limits)
        child: Child = FORKER.command(command, environment, output, self._campaign) or subprocess.Popen(  # noqa: S603 - our own interpreter and module
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,
        )
        return Member(child.pid, process_identity(child.pid)["started"], log, child)

    def _replace_dead(self) -> None:
        records = self._spool.root / "workers"
        for member in [member for member in self._members if not member.alive]:
            self._members.remove(member)
            delete(records / f"{member.pid}.json")
            member.had_job = member.had_job or self._claims_job(member, ended=True)
            self._deaths.add(member)
        for member in self._members:
            self._deaths.note_alive(member, ready=(records / f"{member.pid}.json").exists())
        self._fill()

    def _check_health(self) -> None:
        """Raises the error that prevents jobs from running."""
        supervisor, trouble = self._supervisor, self._trouble
        if trouble is not None:
            raise trouble
        if supervisor is not None and not supervisor.is_alive():
            raise StoreError(
                "the thread that supervises the workers ended because of an internal error",
                hint="its traceback is above; run the same command again to continue",
            )
        self._deaths.check(self._spool.root / "logs")

    def _see_off(self) -> None:
        """Waits for idle workers to end, and ends those that do not."""
        deadline = time.monotonic() + _LEAVE
        for member in self._members:
            if member.child is None:
                continue
            try:
                member.child.wait(0 if self._claims_job(member) else max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                if not self._claims_job(member):
                    member.child.terminate()
                    with suppress(subprocess.TimeoutExpired):
                        member.child.wait(_LEAVE)
            else:
                member.drop_empty_log()

    def _forget_workers(self) -> None:
        """Releases the workers: ended ones leave no zombie, the others continue without this driver."""
        for member in self._members:
            if member.child is not None:
                member.child.poll()
        self._members.clear()

    def _claims_job(self, member: Member, *, ended: bool = False) -> bool:
        """Returns whether a worker has a job that is not over, or (``ended``) any job that is still in the spool."""
        for name in self._spool.claims():
            try:
                claim = self._spool.claimed(name)
            except DamagedFileError:
                continue
            if claim is not None and claim.pid == member.pid and (ended or not self._spool.is_over(name)):
                return True
        return False


def _handle(name: str) -> JsonDict:
    return {"type": _KIND, "name": name}


@contextmanager
def _explained(what: str, folder: Path) -> Iterator[None]:
    """Turns errors of the operating system into a TransientError that says ``what`` failed."""
    try:
        yield
    except TansakuError:
        raise
    except OSError as error:
        if lacks_room(error):
            raise DiskFullError(folder) from error
        raise TransientError(f"{what}: {error}") from error
    except psutil.Error as error:
        raise TransientError(f"{what}: {error}") from error


_LOG_TAIL = 600

_USELESS = 3
"""Number of successive workers that die without progress, after which nothing more is expected of their successors."""

_SETTLED = 5.0
"""A worker that has been ready for so long has looked at the queue many times: it works, though it has no job [s]."""

_LONGEST_DELAY = 5.0
"""Longest wait before a worker is replaced [s]."""


class Child(Protocol):
    """A worker that this driver has started, or had forked."""

    pid: int

    def poll(self) -> int | None:
        """None while it runs."""
        ...

    def wait(self, timeout: float) -> int:
        """Waits for its end. Raises TimeoutExpired."""
        ...

    def terminate(self) -> None:
        """Asks it to end."""
        ...


@dataclass
class Member:
    """A worker: a child process, or an adopted process (``child`` None).

    Attributes:
        log: Its output.
        had_job: Whether it was seen with a job.
        ready_since: When it was first seen ready, by the monotonic clock [s].
    """

    pid: int
    started: ProcessStart
    log: Path | None = None
    child: Child | None = None
    had_job: bool = False
    ready_since: float | None = None

    @property
    def alive(self) -> bool:
        """Whether the process still exists."""
        if self.child is not None:
            return self.child.poll() is None
        return find_process(self.pid, self.started) is not None

    def drop_empty_log(self) -> None:
        """Deletes its log if nothing was written to it."""
        if self.log is not None and self.log.exists() and not self.log.stat().st_size:
            self.log.unlink()

    def last_words(self) -> str:
        """End of the worker's output, on one line."""
        if self.log is None or not self.log.exists():
            return ""
        return self.log.read_text(errors="replace")[-_LOG_TAIL:].strip().replace("\n", " | ")


class Deaths:
    """Counts the workers that died one after the other while no job made progress.

    The death of a worker that had a job is the job's: it is lost, and its attempts are limited. A worker that dies without
    a job, ready or not, was ended by what its successors will meet too.
    """

    def __init__(self) -> None:
        self._count = 0
        self._last_words = ""
        self._spawn_after = 0.0

    @property
    def may_spawn(self) -> bool:
        """Whether the pause after the last death is over."""
        return time.monotonic() >= self._spawn_after

    def add(self, member: Member) -> None:
        """Counts a dead worker. An adopted one does not count: it may have seen the end of its former driver."""
        if member.child is None or member.had_job:
            self._count = 0
            member.drop_empty_log()
            return
        self._count += 1
        self._last_words = member.last_words()
        self._spawn_after = time.monotonic() + min(0.1 * 2.0**self._count, _LONGEST_DELAY)

    def note_progress(self) -> None:
        """A job has ended, so that workers do work."""
        self._count = 0

    def note_alive(self, member: Member, *, ready: bool) -> None:
        """Starts from zero when a living worker has been ready for a while."""
        if not ready:
            return
        now = time.monotonic()
        member.ready_since = now if member.ready_since is None else member.ready_since
        if now - member.ready_since > _SETTLED:
            self._count = 0

    def check(self, logs: Path) -> None:
        """Raises TransientError when too many died."""
        if self._count >= _USELESS:
            raise TransientError(
                f"{self._count} worker processes in a row ended, while their driver was alive, without having done a job: "
                f"{self._last_words or 'no output'}",
                hint=f"their output is in {logs}",
            )


def worker_command(spool: Spool) -> list[str]:
    """Command line of a worker."""
    # -P: what lies in the user's folder does not shadow a module.
    return [sys.executable, "-P", "-m", "tansaku.tasks.node.jobs.worker", str(spool.root)]


@contextmanager
def forking(launcher: LauncherBase) -> Iterator[None]:
    """Has what this process starts inside forked, where that is possible.

    Args:
        launcher: Where workers run; nothing is done for those elsewhere.
    """
    if isinstance(launcher, LocalLauncherSpec):
        FORKER.open(worker_environment(launcher.parallel, launcher.environment, launcher.evaluation_limits))
    try:
        yield
    finally:
        FORKER.close()
