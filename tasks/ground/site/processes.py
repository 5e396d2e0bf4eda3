"""Processes by identity: a process id may be reused, a process id with the process's start is unique.

The start is the boot's id and the kernel's clock ticks since that boot. Neither moves when the system clock is set. A start
time in seconds since the epoch does, because it is derived from the boot time in ``/proc/stat``.
"""

from __future__ import annotations

import errno
import os
import select
import signal
import socket
from functools import cache
from pathlib import Path

import psutil

from tansaku.models.domain.records import JsonDict, LeaseOwner, ProcessStart
from tansaku.tasks.ground.site.users import user_name

_CLOCK_SLACK = 2.0  # a start time in seconds is read against a boot time that moves with the system clock
_PROC = Path("/proc")
_START_FIELD = 19  # field 22 of /proc/PID/stat; the first two fields are cut off


def process_identity(pid: int | None = None) -> JsonDict:
    """Plain data that identifies a process of this host, also after it has ended: ``host``, ``pid`` and ``started``.

    Args:
        pid: None: this process.

    Raises:
        psutil.NoSuchProcess: There is no such process.
    """
    number = os.getpid() if pid is None else pid
    return {"host": socket.gethostname(), "pid": number, "started": _start_of(number)}


def find_process(pid: int, started: ProcessStart) -> psutil.Process | None:
    """The process of this identity, or None when it has ended (a zombie has ended).

    Args:
        started: As :func:`process_identity` gives it, or a start time [s since the epoch], as older versions stored it.
    """
    if pid < 1:  # no process has such an id, and psutil refuses it with an error of its own
        return None
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        if isinstance(started, str):
            return process if _start_of(pid) == started else None
        return process if abs(process.create_time() - started) <= _CLOCK_SLACK else None
    except psutil.NoSuchProcess:
        return None


def has_ended(owner: LeaseOwner) -> bool:
    """Returns whether the process was one of this host and has ended; False where that cannot be known."""
    return owner.host == socket.gethostname() and find_process(owner.pid, owner.process_started) is None


def _start_of(pid: int) -> str:
    """Returns when a process started, in a form that does not depend on the system clock.

    Raises:
        psutil.NoSuchProcess: There is no such process.
    """
    if not (_PROC / "self" / "stat").exists():
        return f"time/{psutil.Process(pid).create_time()!r}"
    try:
        # The program's name, in parentheses, may hold spaces and parentheses.
        fields = (_PROC / str(pid) / "stat").read_bytes().rpartition(b")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        raise psutil.NoSuchProcess(pid) from None
    return f"{_boot()}/{int(fields[_START_FIELD])}"


@cache
def _boot() -> str:
    """Id of the machine's last start."""
    return (_PROC / "sys" / "kernel" / "random" / "boot_id").read_text().strip()


def this_driver() -> LeaseOwner:
    """This process as the owner of a lease."""
    me = process_identity()
    return LeaseOwner(host=me["host"], pid=me["pid"], process_started=me["started"], user=user_name())


def end_process(pid: int, started: ProcessStart, grace: float) -> bool:
    """Ends one of our processes: SIGTERM, then SIGKILL. A zombie counts as ended.

    Args:
        grace: Time between the two [s].

    Returns:
        Whether it was still there.
    """
    try:
        # The handle keeps the id from meaning another process and is readable as soon as the process has ended.
        handle = os.pidfd_open(pid)
    except OSError as error:
        # The last two: the id is that of a thread now, under newer and older kernels.
        if error.errno in (errno.ESRCH, errno.ENOENT, errno.EINVAL):
            return False
        raise
    try:
        process = find_process(pid, started)
        if process is None:
            return False
        for number in (signal.SIGTERM, signal.SIGKILL):
            signal.pidfd_send_signal(handle, number)
            if select.select([handle], [], [], grace)[0]:
                break
    except ProcessLookupError:
        return True
    finally:
        os.close(handle)
    return True
