"""Finds processes of this machine that execute flow runs, without asking Prefect's server."""

from __future__ import annotations

import os

import psutil

_MODULE = "prefect.engine"
_VARIABLE = "PREFECT__FLOW_RUN_ID"


def living_engines() -> list[tuple[str, psutil.Process]]:
    """Maps ids of flow runs to this user's processes that execute them, oldest first.

    Other processes may inherit the variable and outlive their driver, so the command line is checked too.
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
    return sorted(found, key=lambda item: item[1].create_time())


def is_alive(process: psutil.Process) -> bool:
    """Returns whether a process is alive; a zombie is not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
