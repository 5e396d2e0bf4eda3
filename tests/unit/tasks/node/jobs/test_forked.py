"""Processes forked from one that has their imports: what they are given, who outlives whom, and when nothing is forked."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

import psutil
import pytest

from tansaku.models.domain.ports import JobRequest, JobState
from tansaku.models.domain.specs.calculators.table import CALCULATORS
from tansaku.models.domain.specs.job_description import jobs
from tansaku.models.domain.specs.local_launcher import LocalLauncherSpec
from tansaku.models.domain.specs.parallel import SERIAL, ParallelSpec
from tansaku.tasks.backends.launchers import local
from tansaku.tasks.backends.launchers.local import LocalLauncher
from tansaku.tasks.ground.settings import RANKS_VARIABLE, worker_environment
from tansaku.tasks.node.jobs.forked import FORKER, Forker
from tansaku.tasks.node.jobs.program import program
from tests.support.campaign_files import table_space

PROGRAMS = {
    "tells": """\
import json, os, sys
import numpy as np
def main(arguments):
    streams = [os.readlink(f"/proc/self/fd/{number}") for number in (1, 2)]
    print(json.dumps({
        "arguments": arguments, "said": sys.stdin.read(), "session": os.getsid(0), "variables": dict(os.environ),
        "streams": streams, "folder": os.getcwd(), "opened": len(os.listdir("/proc/self/fd")), "drawn": np.random.random(),
    }))
    return 0
""",
    "waits": "import time\ndef main(arguments):\n    time.sleep(600)\n",
    "threaded": "import threading, time\nthreading.Thread(target=time.sleep, args=(600,), daemon=True).start()\n",
}


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    folder = tmp_path_factory.mktemp("programs")
    for name, text in PROGRAMS.items():
        (folder / f"{name}.py").write_text(text)
    return worker_environment(SERIAL) | {"PYTHONPATH": str(folder)}


@pytest.fixture(scope="module")
def forker(environment):
    made = Forker()
    made.open(environment)
    yield made
    made.close()


def told(forker, environment, folder: Path) -> dict:
    (folder / "in").write_text("hello")
    with (folder / "in").open() as given, (folder / "out").open("w") as out, (folder / "err").open("w") as errors:
        forked = forker.fork("tells", ["a", "b"], environment, (given.fileno(), out.fileno(), errors.fileno()))
    assert forked.wait(60) == 0
    assert forked.poll() == 0
    return json.loads((folder / "out").read_text()) | {"pid": forked.pid}


def waiting(forker, environment):
    with Path(os.devnull).open("r+") as nothing:
        return forker.fork("waits", [], environment, (nothing.fileno(),) * 3)


def test_a_fork_is_given_what_a_program_is_started_with(forker, environment, tmp_path):
    given = environment | {RANKS_VARIABLE: "3"}
    found, other = told(forker, given, tmp_path), told(forker, given, tmp_path)
    assert found["arguments"] == ["a", "b"]
    assert found["said"] == "hello"
    assert found["session"] == found["pid"]
    assert found["variables"] == given
    assert found["streams"] == [str(tmp_path / "out"), str(tmp_path / "err")]
    assert found["folder"] == str(Path.cwd())
    assert found["opened"] == 4, "the three streams, and the listing itself"
    assert found["drawn"] != other["drawn"]


def test_a_fork_outlives_the_process_that_forks_and_is_still_known(environment):
    forker = Forker()
    forker.open(environment)
    forked = waiting(forker, environment)
    with pytest.raises(subprocess.TimeoutExpired):
        forked.wait(0.1)
    os.kill(forker._process.pid, signal.SIGKILL)
    forker._process.wait()
    assert waiting(forker, environment) is None, "the caller starts the program"
    assert forked.poll() is None
    forked.terminate()
    assert forked.wait(10) == 0


def test_nothing_is_forked_for_other_variables_or_threads(forker, environment):
    assert waiting(forker, environment | {"LD_PRELOAD": "/nowhere.so"}) is None
    threaded = Forker()
    threaded.open(environment | worker_environment(ParallelSpec(threads=2)))
    assert threaded._process is None, "libraries of several threads start them when they are imported"


def test_a_process_with_threads_forks_nothing_and_is_not_started_again(environment):
    forker = Forker()
    forker.open(environment)
    forker._line.send(json.dumps({"preload": ["threaded"]}).encode())
    assert waiting(forker, environment) is None
    forker.open(environment)
    assert not forker.usable
    assert forker._process is None


def test_our_own_engines_and_jobs_leave_the_process_able_to_fork(forker, environment, tmp_path):
    engines = [kind.facts.engine for kind in CALCULATORS]
    forker.preload([*engines, *(job.opener.partition(":")[0] for job in jobs().values())])
    assert told(forker, environment, tmp_path)["said"] == "hello"


@pytest.mark.started_workers
def test_workers_are_forked_together_and_replaced_after_their_parent_has_ended(tmp_path):
    space = table_space("t.csv", {"id": "id", "value": "v"}, {"x": {"columns": ["x"]}})
    document = {"campaign": "test", "candidate": "a", "base_path": "/nonexistent", "space": space}
    launcher = LocalLauncher(tmp_path / "spool", LocalLauncherSpec(kill_grace=0.3), 2)
    launcher.start()
    try:
        first, second = (psutil.Process(worker["pid"]) for worker in launcher.runtime()["workers"])
        parent = FORKER._process
        assert {first.ppid(), second.ppid()} == {parent.pid}
        handle = launcher.submit(JobRequest(name="job", token="t", document=document, timeout=60.0))
        while launcher.poll([handle])[0].state != JobState.FINISHED:
            launcher.wait([handle], 0.2)
        # A worker has its own command line from when it takes jobs; until then it has its parent's.
        assert any(str(tmp_path / "spool") in worker.cmdline() for worker in (first, second))
        parent.kill()
        parent.wait()
        first.kill()
        while len(after := [worker["pid"] for worker in launcher.runtime()["workers"]]) < 2 or first.pid in after:
            launcher.wait([handle], 0.1)
        assert second.pid in after
        assert FORKER._process.pid != parent.pid
    finally:
        launcher.stop()
    assert FORKER._process is None


def test_commands_that_are_no_modules_of_ours_are_started(tmp_path, monkeypatch):
    monkeypatch.setattr(FORKER, "usable", True)
    monkeypatch.setattr(local, "worker_command", lambda spool: [*program("")[:1], "-c", "raise SystemExit(3)"])
    launcher = LocalLauncher(tmp_path / "spool", LocalLauncherSpec(kill_grace=0.3), 1)
    launcher.start()
    try:
        assert FORKER._process is None
        assert launcher.runtime()["workers"]
    finally:
        launcher.stop()
