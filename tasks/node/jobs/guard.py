"""Two guards around a worker: everything that its jobs start ends with it, whatever session that is in.

    launcher > outer guard > inner guard > worker > programs

Both guards are copies of the worker's process, from before its large imports if it was not forked with them. A process whose
parent ends becomes a child of the inner guard, the nearest "child subreaper" above it. After each job the worker ends what the
job has left there. When the worker ends, for any reason, the inner guard kills the rest and ends in the same way. The outer
guard does the same for the inner one, and the kernel tells the inner one when the outer one is gone: whichever of the three is
killed, the other two clear up. In claims and to the launcher, the outer guard is the worker: when it has ended, nothing is
left.

The inner guard also measures an evaluation that has limits, and ends the worker when one is exceeded.
"""

from __future__ import annotations

import os
import resource
import signal
import stat
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from shutil import rmtree
from typing import NoReturn

from tansaku.models.domain.records import Record
from tansaku.models.domain.specs.evaluation_limits import EvaluationLimitsSpec, LimitReason
from tansaku.tasks.ground.site.process_tree import adopt_orphans, descendants, end_descendants, end_with_parent, memory_of, reap

_SIGNALS = (signal.SIGCHLD, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1)
_MB = 1e6
_GRACE = 2.0
"""Time that a worker has to end after TERM [s]."""

_LOOK = 0.1
"""Interval between two measurements of an evaluation [s]."""

_LONGEST = 3600.0
"""Longest sleep of a guard that gets no signal [s]."""

_LOOK_AT_FILES = 1.0
"""Interval between two measurements of its files [s]."""

_SHARE = 50.0
"""A measurement waits so many times the processor time of the last one: it never costs more than 2 % of a core."""

_LEFT_OF_OUTPUT = 1 << 20
"""Bytes kept of output that was too much."""

_PATIENCE = 5.0
"""Longest time that a job waits for the end of what it has left behind [s]."""


class Watched(Record):
    """An evaluation with limits, as its worker tells the guard.

    Attributes:
        job: Its name.
        token: Of its attempt.
        folders: Its own, then those that are deleted with it.
        output: What the worker and its programs had printed before [bytes].
        in_worker: Whether the worker's own memory counts: a plug-in computes there.
    """

    job: str
    token: str
    folders: tuple[str, ...]
    limits: EvaluationLimitsSpec
    output: int
    in_worker: bool


@dataclass(frozen=True)
class Excess:
    """A limit that was exceeded.

    Attributes:
        message: In words.
        again: Whether the worker had computed other evaluations before, whose memory this may be: a new worker tries again.
    """

    reason: LimitReason
    message: str
    again: bool = False


Report = Callable[[Watched, Excess], None]


class Guards:
    """The guards of this process, as seen by the worker.

    Args:
        outer: Id of the outer guard, which others know as the worker.
        inner: Id of the inner guard.
        channel: Pipe to the inner guard.
    """

    def __init__(self, outer: int, inner: int, channel: int) -> None:
        self.outer = outer
        self._inner, self._channel = inner, channel
        self._watched: Watched | None = None

    @contextmanager
    def during(self, watched: Watched | None) -> Iterator[None]:
        """Has an evaluation watched if it has limits; at the end, ends all that it has left behind."""
        self._watch(watched)
        try:
            yield
        finally:
            self._watch(None)
            end_descendants(self._inner, spared=os.getpid(), patience=_PATIENCE)

    def add_folder(self, folder: Path) -> None:
        """Counts another folder to the present evaluation; it is deleted if the evaluation exceeds a limit."""
        if self._watched is not None:
            self._watch(self._watched.model_copy(update={"folders": (*self._watched.folders, str(folder))}))

    def _watch(self, watched: Watched | None) -> None:
        if watched is None and self._watched is None:
            return
        self._watched = watched
        os.write(self._channel, (watched.model_dump_json() if watched is not None else "").encode() + b"\n")
        os.kill(self._inner, signal.SIGUSR1)


_PRESENT: list[Guards] = []


def guard_this_process(report: Report) -> Guards:
    """Puts two guards around this process: it continues as their grandchild. It must have one thread.

    Args:
        report: Called in the inner guard, after the end of the worker, for an evaluation that exceeded a limit.

    Raises:
        OSError: The kernel cannot, or has no room for another process.
    """
    heard, channel = os.pipe2(os.O_CLOEXEC)
    os.set_blocking(heard, False)
    outer = _stand_guard(signal.SIGHUP, None)
    inner = _stand_guard(signal.SIGKILL, partial(_Meter, heard, report))
    os.close(heard)
    _PRESENT[:] = [Guards(outer, inner, channel)]
    return _PRESENT[0]


def add_folder(folder: Path) -> None:
    """Counts a folder to the present evaluation, where this process has guards."""
    for guards in _PRESENT:
        guards.add_folder(folder)


def _stand_guard(last: signal.Signals, meter: Callable[[int], _Meter] | None) -> int:
    """Forks: the parent guards the child and never returns, the child continues.

    Args:
        last: Signal by which the kernel tells the child that its guard is gone.
        meter: Made in the guard, with the child's id; None: it measures nothing.

    Returns:
        In the child, the guard's id.
    """
    guard = os.getpid()
    adopt_orphans()
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    child = os.fork()
    if child:
        try:
            _guard(child, meter(child) if meter is not None else None)
        except BaseException:  # noqa: BLE001 - whatever it is, this copy of the worker must not continue as a worker
            traceback.print_exc()
        finally:
            os._exit(1)
    os.setpgid(0, 0)  # a signal to the guard's group is meant for the guard, which passes it on
    end_with_parent(last)
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    if os.getppid() != guard:
        os._exit(1)
    return guard


def _guard(child: int, meter: _Meter | None) -> NoReturn:
    """Waits for the end of a child, ends what it has started, and ends as it did."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    deadline = float("inf")
    while (status := reap(child)) is None:
        pause = min(deadline - time.monotonic(), meter.pause() if meter is not None else _LONGEST, _LONGEST)
        received = signal.sigtimedwait(_SIGNALS, max(0.0, pause))
        number = received.si_signo if received is not None else 0
        if number == signal.SIGTERM:
            deadline = min(deadline, time.monotonic() + _GRACE)
            with suppress(ProcessLookupError):
                os.killpg(child, signal.SIGTERM)
        late = time.monotonic() >= deadline
        if number == signal.SIGHUP or late or (meter is not None and meter.exceeded()):
            os.kill(child, signal.SIGKILL)
    end_descendants(os.getpid())
    if meter is not None:
        meter.finish()
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        if -code not in (signal.SIGKILL, signal.SIGSTOP):
            signal.signal(-code, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, (-code,))
        os.kill(os.getpid(), -code)
    os._exit(code)


class _Meter:
    """Measures the present evaluation of a worker.

    Args:
        channel: Pipe from the worker: a line for each evaluation with limits, an empty one at its end.
        report: See :func:`guard_this_process`.
        child: The worker.
    """

    def __init__(self, channel: int, report: Report, child: int) -> None:
        self._channel, self._report, self._child = channel, report, child
        self._heard = b""
        self._watched: Watched | None = None
        self._excess: Excess | None = None
        self._jobs = 0
        self._next = self._next_files = 0.0

    def pause(self) -> float:
        """Time until the next measurement [s]."""
        return _LONGEST if self._watched is None else self._next - time.monotonic()

    def exceeded(self) -> bool:
        """Measures when it is time; returns whether a limit is exceeded."""
        self._hear()
        if self._watched is None or self._excess is not None or time.monotonic() < self._next:
            return self._excess is not None
        begun, measured = time.process_time(), self._watched
        excess = self._measured(measured)
        self._next = time.monotonic() + max(_LOOK, _SHARE * (time.process_time() - begun))
        self._hear()
        # If the evaluation ended while it was measured, the excess may be that of the next one.
        if self._watched is not None and (self._watched.job, self._watched.token) == (measured.job, measured.token):
            self._excess = excess
        return self._excess is not None

    def finish(self) -> None:
        """Reports an excess, and takes away the files and the output that were too much."""
        if self._watched is None or self._excess is None:
            return
        for folder in self._watched.folders[1:]:
            rmtree(folder, ignore_errors=True)
        if output_size() > (most := self._watched.output + _LEFT_OF_OUTPUT):
            os.ftruncate(2, most)
            os.lseek(2, 0, os.SEEK_END)
        self._report(self._watched, self._excess)

    def _hear(self) -> None:
        with suppress(BlockingIOError):
            self._heard += os.read(self._channel, 1 << 16)
        *lines, self._heard = self._heard.split(b"\n")
        for line in lines if self._excess is None else ():
            watched = Watched.model_validate_json(line) if line else None
            if watched is not None and self._watched is None:
                self._jobs += 1
                self._next = self._next_files = 0.0
            self._watched = watched

    def _measured(self, watched: Watched) -> Excess | None:
        limits, processes = watched.limits, descendants(os.getpid())
        others = [process for process in processes if process.pid != self._child]
        if len(others) > limits.processes:
            return _excess("process_limit", "processes", f"{len(others):,}", f"{limits.processes:,}")
        memory = memory_of(processes if watched.in_worker else others, limits.memory * _MB) / _MB
        if memory > limits.memory:
            again = watched.in_worker and self._jobs > 1
            return _excess("memory_limit", "memory", f"{memory:,.1f} MB", f"{limits.memory:,g} MB", again=again)
        if time.monotonic() < self._next_files:
            return None
        begun = time.process_time()
        size = (_size_of(watched.folders) + max(0, output_size() - watched.output)) / _MB
        self._next_files = time.monotonic() + max(_LOOK_AT_FILES, _SHARE * (time.process_time() - begun))
        return _excess("size_limit", "size", f"{size:,.1f} MB", f"{limits.size:,g} MB") if size > limits.size else None


def _excess(reason: LimitReason, key: str, used: str, most: str, *, again: bool = False) -> Excess:
    message = f"{key}: {used}, more than the {most} of launcher.evaluation_limits.{key} in the site file"
    return Excess(reason, message, again)


def output_size() -> int:
    """Bytes in the file to which this process and its descendants print; 0 where that is no file."""
    found = os.fstat(2)
    return found.st_size if stat.S_ISREG(found.st_mode) else 0


def _size_of(folders: Sequence[str]) -> int:
    """Bytes that files in folders, and below them, take up on their disk."""
    found, folders = 0, list(folders)
    while folders:
        # Files come and go while a program writes them.
        with suppress(OSError), os.scandir(folders.pop()) as entries:
            for entry in entries:
                with suppress(OSError):
                    found += 512 * entry.stat(follow_symlinks=False).st_blocks
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
    return found
