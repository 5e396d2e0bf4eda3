"""Worker processes of this machine, and a count of consecutive deaths without a finished job."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from tansaku.models.domain.errors import TransientError
from tansaku.models.domain.records import ProcessStart
from tansaku.tasks.ground.site.processes import find_process
from tansaku.tasks.node.jobs.spool import Spool

_LOG_TAIL = 600

_USELESS = 3
"""Number of successive workers that die without progress, after which nothing more is expected of their successors."""

_SETTLED = 5.0
"""A worker that has been ready for so long has looked at the queue many times: it works, though it has no job [s]."""

_LONGEST_DELAY = 5.0
"""Longest wait before a worker is replaced [s]."""


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
    child: subprocess.Popen[bytes] | None = None
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
