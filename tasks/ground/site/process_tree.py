"""Descendants of a process in any session, as the kernel lists them in ``/proc``: their memory, and their end.

It imports nothing beyond the standard library: the guards of a worker run it in a copy of a young interpreter.
"""

from __future__ import annotations

import ctypes
import os
import signal
import threading
import time
from contextlib import suppress
from dataclasses import dataclass

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_STATE, _PARENT, _START = 0, 1, 19  # fields of /proc/PID/stat after the program's name
_SHORTEST, _LONGEST = 0.001, 0.05  # pauses between two looks for what is left [s]
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Listed:
    """A process as it was listed; the id and the start together are unique."""

    pid: int
    parent: int
    started: int


def adopt_orphans() -> None:
    """Makes this process the new parent of every descendant whose parent ends.

    Raises:
        OSError: The kernel cannot.
    """
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def end_with_parent(number: signal.Signals = signal.SIGKILL) -> None:
    """Has the kernel send this process a signal when the one that started it ends."""
    _prctl(_PR_SET_PDEATHSIG, number)


def descendants(root: int, *, spared: int = 0) -> list[Listed]:
    """Everything below a process that has not ended.

    Args:
        root: Its id.
        spared: Id of a process below it that is left out, with all that is below it.
    """
    children: dict[int, list[Listed]] = {}
    for pid in _pids():
        if (found := _look(pid)) is not None and pid != spared:
            children.setdefault(found.parent, []).append(found)
    below = children.get(root, [])
    for process in below:
        below += children.get(process.pid, [])
    return below


def end_descendants(root: int, *, spared: int = 0, patience: float = float("inf")) -> bool:
    """Kills everything below a process until nothing is left, also what starts meanwhile.

    Args:
        root: Its id; what loses its parent must become its child (:func:`adopt_orphans`).
        spared: As for :func:`descendants`.
        patience: Longest time for it [s]. What the kernel holds, as a read from a file server that is away, ends later.

    Returns:
        Whether nothing is left.
    """
    until, pause = time.monotonic() + patience, _SHORTEST
    while [process for process in descendants(root, spared=spared) if _kill(process)]:
        _kill_orphans(root, spared)
        if root == os.getpid():
            reap()
        if time.monotonic() > until:
            return False
        threading.Event().wait(pause)
        pause = min(2.0 * pause, _LONGEST)
    return True


def reap(awaited: int = 0) -> int | None:
    """Takes the exit status of every child that has ended; returns that of ``awaited``, None while it has not ended."""
    status = None
    with suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            status = ended[1] if ended[0] == awaited else status
    return status


def memory_of(processes: list[Listed], enough: float) -> float:
    """Memory of processes together [bytes], each page that they share counted once.

    Args:
        enough: Below it, a sum that counts shared pages for each of them will do: that costs much less.
    """
    resident = float(sum(_resident(process.pid) for process in processes))
    return resident if resident <= enough else float(sum(_proportional(process.pid) for process in processes))


def _kill_orphans(root: int, spared: int) -> None:
    """Kills the children of a process, the youngest first, each as soon as it is seen.

    A program that forks, ends, and forks again lives shorter than a look at all processes takes.
    """
    for pid in _pids():
        if pid != spared and (found := _look(pid)) is not None and found.parent == root:
            _kill(found)


def _kill(process: Listed) -> bool:
    """Sends KILL; returns whether to look again: False where it runs as another user and is not ours to end."""
    try:
        handle = os.pidfd_open(process.pid)
    except OSError:
        return True
    try:
        # Between the look and now the id may have gone to another process; from here on the handle keeps it.
        if (now := _look(process.pid)) is not None and now.started == process.started:
            signal.pidfd_send_signal(handle, signal.SIGKILL)
    except ProcessLookupError:
        pass
    except PermissionError:
        return False
    finally:
        os.close(handle)
    return True


def _pids() -> list[int]:
    return sorted((int(name) for name in os.listdir("/proc") if name.isdigit()), reverse=True)  # noqa: PTH208 - much faster


def _look(pid: int) -> Listed | None:
    """A process, None if it has ended."""
    text = _read(f"/proc/{pid}/stat")
    # The program's name, in parentheses, may hold spaces and parentheses.
    fields = text[text.rfind(b")") + 2 :].split(None, _START + 1)
    if not fields or fields[_STATE] in (b"Z", b"X"):
        return None
    return Listed(pid, int(fields[_PARENT]), int(fields[_START]))


def _resident(pid: int) -> int:
    fields = _read(f"/proc/{pid}/statm").split()
    return int(fields[1]) * _PAGE if fields else 0


def _proportional(pid: int) -> int:
    """Resident memory, of each shared page its share [bytes]; all of it where the kernel does not tell."""
    for line in _read(f"/proc/{pid}/smaps_rollup").splitlines():
        if line.startswith(b"Pss:"):
            return int(line.split()[1]) << 10
    return _resident(pid)


def _read(file: str) -> bytes:
    """Beginning of a file of the kernel; empty when its process has ended. ``Path`` takes four times as long."""
    try:
        handle = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
        try:
            return os.read(handle, 4096)
        finally:
            os.close(handle)
    except OSError:
        return b""


def _prctl(option: int, value: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, value, 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
