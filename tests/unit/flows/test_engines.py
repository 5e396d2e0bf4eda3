"""Processes that execute flow runs are told from others by what they are, not by what they inherited."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid

from tansaku.flows.engines import is_alive, living_engines

WAIT = "import sys; sys.stdout.write('.'); sys.stdout.flush(); sys.stdin.read()"


def start(*arguments: str, run: str) -> subprocess.Popen:
    child = subprocess.Popen(
        [sys.executable, "-c", WAIT, *arguments],
        env=os.environ | {"PREFECT__FLOW_RUN_ID": run},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert child.stdout.read(1) == b"."
    return child


def test_engines_are_found_and_their_workers_are_not():
    run = str(uuid.uuid4())
    first, worker = start("-m", "prefect.engine", run=run), start("tansaku.tasks.node.jobs.worker", run=run)
    second = start("-m", "prefect.engine", run=run)
    try:
        found = [process for known, process in living_engines() if known == run]
        assert [process.pid for process in found] == [first.pid, second.pid]
        assert all(is_alive(process) for process in found)
        second.kill()
        os.waitid(os.P_PID, second.pid, os.WEXITED | os.WNOWAIT)
        assert [is_alive(process) for process in found] == [True, False]
        assert [process.pid for known, process in living_engines() if known == run] == [first.pid]
    finally:
        for child in (first, worker, second):
            child.kill()
            child.communicate()
    assert not any(is_alive(process) for process in found)
    assert run not in dict(living_engines())
