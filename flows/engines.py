"""Processes of this machine that execute flow runs, found without asking Prefect's server."""

from __future__ import annotations

import os

import psutil

_MODULE = "prefect.engine"
_VARIABLE = "PREFECT__FLOW_RUN_ID"


def living_engines() -> list[tuple[str, psutil.Process]]:
    """Ids of flow runs with the processes of this user that execute them, the oldest first.

    Other processes may inherit the variable and outlive their driver; they are told apart by their command line.
    """
    found: list[tuple[str, psutil.Process]] = []
    for process in psutil.process_iter():
        try:
            if process.uids().real != os.getuid() or process.status() == psutil.STATUS_ZOMBIE:
                continue
            run = process.environ().get(_VARIABLE) if _MODULE in process.cmdline() else None
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
        if run is not None:
            found.append((run, process))
    return sorted(found, key=lambda one: one[1].create_time())


def is_alive(process: psutil.Process) -> bool:
    """Whether a process has not ended; one that waits to be reaped has."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
