"""Processes by identity: a process id alone may belong to somebody else by now, with its start time it cannot."""

from __future__ import annotations

import getpass
import os
import select
import signal
import socket
from collections.abc import Iterable
from contextlib import suppress

import psutil

from tansaku.models.domain.records import JsonDict, LeaseOwner

_CLOCK_SLACK = 2.0  # the kernel's start time is read against a boot time that clock corrections move


def process_identity(pid: int | None = None) -> JsonDict:
    """Plain data that names a process of this host for ever: ``host``, ``pid`` and ``started`` [s since the epoch].

    Args:
        pid: None: this process.

    Raises:
        psutil.NoSuchProcess: There is no such process.
    """
    process = psutil.Process(pid)
    return {"host": socket.gethostname(), "pid": process.pid, "started": process.create_time()}


def find_process(pid: int, started: float) -> psutil.Process | None:
    """The process of this identity, or None when it is gone (a zombie is gone)."""
    try:
        process = psutil.Process(pid)
        if abs(process.create_time() - started) > _CLOCK_SLACK or process.status() == psutil.STATUS_ZOMBIE:
            return None
    except psutil.NoSuchProcess:
        return None
    return process


def this_driver() -> LeaseOwner:
    """This process as the owner of a lease."""
    me = process_identity()
    return LeaseOwner(host=me["host"], pid=me["pid"], process_started=me["started"], user=getpass.getuser())


def end_process(pid: int, started: float, grace: float, *, with_children: bool = False) -> bool:
    """Ends a process of ours: TERM, then KILL. A process that nobody reaps (a zombie) has ended.

    Args:
        grace: Time between the two [s].
        with_children: Whether what it has started, such as the ranks of a DFT code, is ended too (KILL).

    Returns:
        Whether it was still there.
    """
    try:
        # The handle keeps the id from meaning another process and is readable as soon as the process has ended.
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return False
    try:
        process = find_process(pid, started)
        if process is None:
            return False
        children = started_by(pid) if with_children else []
        for number in (signal.SIGTERM, signal.SIGKILL):
            signal.pidfd_send_signal(handle, number)
            if select.select([handle], [], [], grace)[0]:
                break
    except ProcessLookupError:
        return True
    finally:
        os.close(handle)
    kill_all(children)
    return True


def started_by(pid: int) -> list[psutil.Process]:
    """Everything that a process has started and that still runs, in whatever session."""
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def kill_all(processes: Iterable[psutil.Process]) -> None:
    """KILL to each that is still there, known by its start time too."""
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()
