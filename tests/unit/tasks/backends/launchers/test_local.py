"""Workers of this machine: what the site file gives them, and what is told of one that is ended."""

import gc
import json
import shutil
import subprocess
import sys
import threading
import time

import psutil
import pytest

from tansaku.models.domain.errors import DiskFullError, StoreError, TransientError
from tansaku.models.domain.ports import JobRequest, JobState
from tansaku.models.domain.specs.commands import CommandSpec, offer_commands
from tansaku.models.domain.specs.evaluation_limits import EvaluationLimitsSpec
from tansaku.models.domain.specs.local_launcher import LocalLauncherSpec
from tansaku.models.domain.specs.parallel import ParallelSpec
from tansaku.models.domain.states import FailureKind
from tansaku.tasks.backends.launchers import local
from tansaku.tasks.backends.launchers.local import LocalLauncher, Member
from tansaku.tasks.ground.site.processes import process_identity
from tansaku.tasks.node.jobs.spool_files import read_json, write_json
from tests.support.campaign_files import table_space

DOCUMENT = {
    "campaign": "test",
    "candidate": "a",
    "base_path": "/nonexistent",
    "space": table_space("t.csv", {"id": "id", "value": "v"}, {"x": {"columns": ["x"]}}),
}


@pytest.fixture
def start(tmp_path):
    """``start(1, min_free_space=0)``: a launcher with so many workers, which ends with the test."""
    started = []

    def launcher(workers=0, **keys):
        started.append(LocalLauncher(tmp_path / "spool", LocalLauncherSpec(**{"kill_grace": 0.3} | keys), workers))
        started[-1].start()
        return started[-1]

    yield launcher
    for each in started:
        each.stop()


def test_a_worker_has_the_ranks_and_threads_of_the_site_file(tmp_path, start):
    launcher = start(1, parallel=ParallelSpec(ranks=2, threads=3))
    handle = launcher.submit(JobRequest(name="job", token="t", document=DOCUMENT, timeout=120.0))
    result = tmp_path / "spool" / "jobs" / "job" / "result.json"
    while not result.exists():
        launcher.wait([handle], 5.0)
    assert read_json(result)["outcome"]["cores"] == 6


FLOODS = """
import os, time
for _ in range(300):
    os.write(1, bytes(1 << 20))
    time.sleep(0.01)
time.sleep(600)
"""


def test_a_program_beyond_a_limit_is_a_failure_and_leaves_no_files(tmp_path):
    (tmp_path / "floods.py").write_text(FLOODS)
    document = DOCUMENT | {
        "candidate": "al-rattle-0.1-n04-d0001",
        "space": {
            "type": "crystals",
            "crystals": {"al": {"structure": "fcc", "elements": ["Al"], "lattice_parameter": 4.05}},
            "scans": [{"type": "rattle", "atoms": [4], "draws": 1}],
        },
        "calculator": {"type": "command", "command": "floods"},
    }
    offer_commands({"floods": CommandSpec(argv=("python3", "floods.py"), files=(str(tmp_path / "floods.py"),))})
    launcher = LocalLauncher(tmp_path / "spool", LocalLauncherSpec(evaluation_limits=EvaluationLimitsSpec(size=5)), 1)
    launcher.start()
    try:
        handle = launcher.submit(JobRequest(name="job", token="t", document=document, timeout=120.0))
        while launcher.poll([handle])[0].state is not JobState.FINISHED:
            launcher.wait([handle], 1.0)
        failure = launcher.fetch(handle).outcome.failure
        assert (failure.kind, failure.reason) == (FailureKind.PLUMBING, "size_limit")
        assert sorted(path.name for path in (tmp_path / "spool" / "jobs").iterdir()) == ["job"]
    finally:
        launcher.stop()
        offer_commands({})


@pytest.fixture
def worker():
    process = subprocess.Popen(["sleep", "600"])
    yield process.pid
    process.kill()
    process.wait()


def test_a_look_between_the_end_of_a_worker_and_the_verdict_tells_the_verdict(tmp_path, start, monkeypatch, worker):
    """The supervisor ends the worker of a job that is late; whoever asks meanwhile is not told that it just died."""
    ended, really_end = threading.Event(), local.end_process

    def end_slowly(*arguments, **options):
        really_end(*arguments, **options)
        ended.set()
        time.sleep(0.5)

    monkeypatch.setattr(local, "end_process", end_slowly)
    launcher = start()
    handle = launcher.submit(JobRequest(name="job", token="t", document=DOCUMENT, timeout=0.1))
    (tmp_path / "spool" / "claims" / "job").write_text(json.dumps({**process_identity(worker), "at": time.time()}))
    assert ended.wait(60.0)
    (status,) = launcher.poll([handle])
    assert (status.state, status.reason) == (JobState.LOST, "timeout")


READY_THEN_DEAD = """
import os, sys
open(f"{sys.argv[1]}/workers/{os.getpid()}.json", "w").write("{}")
sys.exit("cannot look at the queue")
"""


@pytest.mark.parametrize(
    ("program", "said"),
    [
        # They end with code 0, as after their driver's end; their successors would do the same for ever.
        ("print('my driver has gone')", "my driver has gone"),
        (READY_THEN_DEAD, "cannot look at the queue"),
    ],
    ids=["leave although their driver is here", "die ready"],
)
def test_workers_that_end_without_a_job_are_reported(start, monkeypatch, program, said):
    monkeypatch.setattr(local, "worker_command", lambda spool: [sys.executable, "-c", program, str(spool.root)])
    with pytest.raises(TransientError, match=rf"\d+ worker processes in a row ended.*: {said}"):
        poll_until_error(start(1))


DIES_ON_ITS_JOB = """
import sys
from pathlib import Path
from tansaku.tasks.node.jobs.spool import Spool
from tansaku.tasks.node.jobs.worker import Worker
Worker(Spool(Path(sys.argv[1])), lambda work, folder: __import__("os").abort()).run()
"""


def test_workers_that_die_of_their_jobs_lose_the_jobs_only(start, monkeypatch):
    """Their jobs say so, and may be tried again so often: the launcher has no complaint of its own."""
    monkeypatch.setattr(local, "worker_command", lambda spool: [sys.executable, "-c", DIES_ON_ITS_JOB, str(spool.root)])
    launcher = start(2)
    for number in range(5):
        handle = launcher.submit(JobRequest(name=f"job-{number}", token="t", document=DOCUMENT, timeout=60.0))
        while (status := launcher.poll([handle])[0]).state is not JobState.LOST:
            time.sleep(0.02)
        assert status.reason == "worker_died"
        launcher.discard(handle)


def test_files_that_are_no_jobs_end_neither_workers_nor_supervisor(tmp_path, start):
    launcher = start(1)
    for folder in ("queue", "claims"):
        for name in (".nfs000000001", "foo bar", "-", "5-", "5-a b"):
            (tmp_path / "spool" / folder / name).touch()
    (tmp_path / "spool" / "queue" / "foo").touch()
    (tmp_path / "spool" / "queue" / "00000000000000000001-folder").mkdir()
    handle = launcher.submit(JobRequest(name="job", token="t", document=DOCUMENT, timeout=60.0))
    until = time.monotonic() + 60.0
    while launcher.poll([handle])[0].state is not JobState.FINISHED:
        assert time.monotonic() < until
        launcher.wait([handle], 0.1)


@pytest.fixture
def served(start):
    return start()


def wait_until(fulfilled):
    until = time.monotonic() + 60.0
    while not fulfilled():
        assert time.monotonic() < until
        time.sleep(0.02)


@pytest.mark.parametrize("text", ["", "{", "[1]", '{"host": 1}'])
def test_a_damaged_driver_file_is_written_again(tmp_path, served, text):
    file = tmp_path / "spool" / "driver.json"
    mine = file.read_text()
    file.write_text(text)
    wait_until(lambda: file.read_text() == mine)


@pytest.mark.parametrize("pid", [None, 2**22 + 1, -1, 0, True, "folder"])
def test_a_driver_file_that_names_nobody_is_written_again(tmp_path, served, pid):
    file = tmp_path / "spool" / "driver.json"
    mine = read_json(file)
    file.unlink()
    if pid == "folder":
        file.mkdir()
    elif pid is not None:
        file.write_text(json.dumps(mine | {"pid": pid}))
    wait_until(lambda: file.is_file() and file.read_text() == json.dumps(mine))


def test_a_driver_file_that_names_a_living_process_is_reported(tmp_path, served, worker):
    file = tmp_path / "spool" / "driver.json"
    mine = read_json(file)
    write_json(file, process_identity(worker))
    with pytest.raises(TransientError, match="names another driver"):
        poll_until_error(served)
    file.unlink()
    wait_until(lambda: read_json(file) == mine)


def test_a_spool_that_was_removed_is_made_again(tmp_path, served):
    shutil.rmtree(tmp_path / "spool")

    def submitted():
        try:
            return served.submit(JobRequest(name="job", token="t", document=DOCUMENT, timeout=1.0))
        except TransientError:
            return None

    wait_until(submitted)
    assert served.find("job") is not None


def make_folder(path):
    path.mkdir()


def make_loop(path):
    path.symlink_to(path.name)


def make_dangling(path):
    path.symlink_to("nowhere")


def make_text(text):
    return lambda path: path.write_text(text)


DAMAGED_CLAIMS = [make_text(text) for text in ("{", "[1]", '{"host": 3}', '{"host": "h", "pid": "x", "started": [], "at": 0}')]


@pytest.mark.parametrize("make", [make_folder, make_loop, make_dangling, *DAMAGED_CLAIMS])
def test_a_claim_that_cannot_be_read_is_a_loss(tmp_path, served, make):
    handle = served.submit(JobRequest(name="job", token="t", document=DOCUMENT, timeout=60.0))
    make(tmp_path / "spool" / "claims" / "job")
    wait_until(lambda: served.poll([handle])[0].state is JobState.LOST)
    assert served.poll([handle])[0].reason == "damaged_file"
    assert len(list((tmp_path / "spool" / "damaged").glob("*-job-claims-job"))) == 1
    served.stop()


@pytest.mark.parametrize("make", [make_folder, make_loop, make_dangling])
def test_a_request_that_cannot_be_read_is_a_loss(tmp_path, served, make, worker):
    handle = served.submit(JobRequest(name="job", token="t", document=DOCUMENT, timeout=60.0))
    request = tmp_path / "spool" / "jobs" / "job" / "request.json"
    request.unlink()
    make(request)
    write_json(tmp_path / "spool" / "claims" / "job", {**process_identity(worker), "at": time.time()})
    wait_until(lambda: served.poll([handle])[0].state is JobState.LOST)
    assert served.poll([handle])[0].reason == "damaged_file"


def poll_until_error(launcher):
    until = time.monotonic() + 60.0
    while time.monotonic() < until:
        launcher.poll([])
        time.sleep(0.02)


def test_no_job_is_started_on_a_disk_with_little_room(tmp_path, start):
    launcher = start(min_free_space=1e12)
    with pytest.raises(DiskFullError, match=f"disk is full: {tmp_path / 'spool'}"):
        launcher.submit(JobRequest(name="job", token="t", document=DOCUMENT, timeout=1.0))
    assert launcher.find("job") is None


def test_a_verdict_that_cannot_be_read_is_a_loss(tmp_path, start):
    launcher = start()
    handle = launcher.submit(JobRequest(name="job", token="t", document=DOCUMENT, timeout=1.0))
    (tmp_path / "spool" / "jobs" / "job" / "lost.json").write_text("{")
    (status,) = launcher.poll([handle])
    assert (status.state, status.reason) == (JobState.LOST, "damaged_file")


def test_the_end_of_the_supervisor_ends_the_campaign(start, monkeypatch):
    """An error of our own in the thread: nothing looks after the workers any more, and nobody may wait for them."""
    monkeypatch.setattr(LocalLauncher, "_look_after", lambda self: 1 / 0)
    monkeypatch.setattr(threading, "excepthook", lambda told: None)
    launcher = start()
    with pytest.raises(StoreError, match="supervises the workers ended"):
        poll_until_error(launcher)


def test_workers_that_ended_leave_no_zombie_where_another_driver_has_the_spool(tmp_path):
    launcher = LocalLauncher(tmp_path / "spool", LocalLauncherSpec(kill_grace=0.3), 0)
    launcher.start()
    child = subprocess.Popen(["true"])
    psutil.Process(child.pid).wait(10.0)
    launcher._members.append(Member(child.pid, 0.0, child=child))
    write_json(tmp_path / "spool" / "driver.json", {**process_identity(), "launcher": "another"})
    launcher.stop()
    assert child.returncode == 0


def test_a_busy_worker_that_outlives_its_launcher_leaves_no_open_socket(tmp_path, recwarn):
    launcher = LocalLauncher(tmp_path / "spool", LocalLauncherSpec(kill_grace=0.3), 1)
    launcher.start()
    pid = launcher.runtime()["workers"][0]["pid"]
    write_json(tmp_path / "spool" / "driver.json", {**process_identity(), "launcher": "another"})
    launcher.stop()
    del launcher
    gc.collect()
    assert [str(warning.message) for warning in recwarn if "workers.sock" in str(warning.message)] == []
    psutil.Process(pid).kill()
