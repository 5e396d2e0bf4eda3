"""Worker processes inside their guards: three processes have a worker's command line, and the innermost computes."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import psutil


def workers_on(spool: Path) -> list[psutil.Process]:
    """The processes that compute for a spool."""
    found = {one.pid: one for one in psutil.process_iter(["cmdline", "ppid"]) if str(spool) in (one.info["cmdline"] or [])}
    guarded = [one for one in found.values() if one.info["ppid"] in found]
    return [one for one in guarded if found[one.info["ppid"]].info["ppid"] in found]


def outermost(processes: Iterable[psutil.Process]) -> set[int]:
    """Ids of processes without those that others of them have started."""
    parents = {}
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            parents[process.pid] = process.ppid()
    return {pid for pid, parent in parents.items() if parent not in parents}


def computing(claimed: int) -> int:
    """Id of the process that computes for the worker that a claim names."""
    (inner,) = psutil.Process(claimed).children()
    words = inner.cmdline()
    (worker,) = (one for one in inner.children() if one.cmdline() == words)
    return worker.pid
