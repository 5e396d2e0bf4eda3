"""The contract of a launcher, run on every backend."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from tansaku.models.domain.errors import ConfigurationError, DamagedResultError, NotFoundError, TransientError
from tansaku.models.domain.ports import JobRequest, JobStatus, Launcher
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.commands import CommandSpec, offer_commands
from tansaku.models.domain.specs.local_launcher import LocalLauncherSpec
from tansaku.models.domain.states import FailureKind, JobState
from tansaku.tasks.backends.launchers.local import LocalLauncher
from tansaku.tasks.node.jobs.document import JobDocument
from tansaku.tasks.node.jobs.spool import Spool
from tests.support.workers import computing, outermost

PATIENCE = 300.0
"""A test gives up after so long [s]; nothing asserts that anything is faster."""

OVER = (JobState.FINISHED, JobState.LOST)


class LocalBackend:
    """What the suite must know of the local launcher beyond the port."""

    many = 40

    def __init__(self, folder: Path) -> None:
        self.spool = folder / "spool"

    def open(self) -> Launcher:
        """One more launcher on the same backend, as another process would open it."""
        return LocalLauncher(self.spool, LocalLauncherSpec(kill_grace=0.3), 2)

    def signal_worker(self, name: str, number: int) -> None:
        """Sends a signal to the process that does a job."""
        claim = Spool(self.spool).claimed(name)
        assert claim is not None
        os.kill(computing(claim.pid), number)

    def processes(self) -> list[psutil.Process]:
        """Living processes of this backend, whoever started them."""
        found = []
        for process in psutil.process_iter(["cmdline", "status"]):
            if str(self.spool) in (process.info["cmdline"] or ()) and process.info["status"] != psutil.STATUS_ZOMBIE:
                found.append(process)
        return found

    def driver(self, statements: str) -> str:
        """Source of a driver process that has ``launcher`` and ``request(name, kind)`` and runs some statements."""
        return textwrap.dedent(
            f"""
            import os, sys
            from pathlib import Path
            sys.path.insert(0, {str(Path(__file__).parent)!r})
            from test_launchers import LocalBackend, await_state, request
            folder = Path({str(self.spool.parent)!r})
            launcher = LocalBackend(folder).open()
            launcher.start()
            """
        ) + textwrap.dedent(statements)


@pytest.fixture(params=["local", "fireworks"])
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[LocalBackend]:
    write_table(tmp_path)
    backend = LocalBackend(tmp_path) if request.param == "local" else request.getfixturevalue("fireworks_site")()
    yield backend
    for process in backend.processes():
        with suppress(psutil.NoSuchProcess):
            process.kill()


@pytest.fixture
def launcher(backend: LocalBackend) -> Iterator[Launcher]:
    launcher = backend.open()
    launcher.start()
    yield launcher
    launcher.stop()


def write_table(folder: Path) -> None:
    (folder / "table.csv").write_text("id,x,value\n" + "".join(f"c{k},{k},{k * 0.1}\n" for k in range(9)) + "broken,9,nan\n")


def request(
    folder: Path, name: str, kind: str = "brief", *, timeout: float = 600.0, token: str = "t", candidate: str = "c3"
) -> JobRequest:
    """A job: ``brief`` looks a value up, ``lasting`` takes seconds of ASE's EMT, ``endless`` takes many minutes of it."""
    document: JsonDict = {"campaign": "test", "candidate": candidate, "base_path": str(folder)}
    if kind == "brief":
        columns = {"id": "id", "value": "value"}
        features = {"x": {"columns": ["x"]}}
        document["space"] = {"type": "table", "candidates": "table.csv", "columns": columns, "features": features}
    else:
        document["candidate"] = "s003-112-r1-x000-y000-z020"
        document["space"] = {
            "type": "grain_boundary",
            "crystal": {"structure": "fcc", "element": "Cu", "lattice_parameter": 3.6},
            "boundaries": {"planes": [[1, 1, 2]]},
            "translation": {"normal": [0.2], "in_plane": [0.0], "along_axis": [0.0]},
            "removed_planes": [1],
            # Of a cell so long that a step takes long; a force of zero is never reached, or too soon.
            "spacing": 16.0 if kind == "lasting" else 400.0,
        }
        steps = 40 if kind == "lasting" else 1_000_000
        relaxation = {"fmax": 1e-13, "max_steps": steps, "cell": "normal"}
        document["calculator"] = {"type": "ase", "name": "emt", "relaxation": relaxation}  # ASE's EMT is slower than ours
    checked = JobDocument.model_validate(document).model_dump(mode="json")
    return JobRequest(name=name, token=token, document=checked, timeout=timeout)


def await_state(launcher: Launcher, handles: Sequence[JsonDict], states: Sequence[JobState]) -> list[JobStatus]:
    """Waits until every job is in one of the states."""
    deadline = time.monotonic() + PATIENCE
    while True:
        found = launcher.poll(handles)
        if all(status.state in states for status in found):
            return found
        assert time.monotonic() < deadline, f"jobs are {found}"
        launcher.wait(handles, 0.1)


def await_none(backend: LocalBackend) -> None:
    """Waits until no process of the backend is left."""
    deadline = time.monotonic() + PATIENCE
    while left := backend.processes():
        assert time.monotonic() < deadline, f"still there: {left}"
        psutil.wait_procs(left, timeout=0.5)


def finished(launcher: Launcher, job: JobRequest) -> float | None:
    """Submits a job, waits for it and returns its value."""
    handle = launcher.submit(job)
    assert await_state(launcher, [handle], OVER) == [JobStatus(JobState.FINISHED)]
    return launcher.fetch(handle).outcome.value


def test_a_job_s_result_is_fetched_with_its_token_until_it_is_discarded(launcher, tmp_path):
    handle = launcher.submit(request(tmp_path, "one", token="secret"))
    await_state(launcher, [handle], [JobState.FINISHED])
    result = launcher.fetch(handle)
    assert result.token == "secret"
    assert result.outcome.value == pytest.approx(0.3)
    assert result.outcome.failure is None
    assert result.outcome.started_at <= result.outcome.finished_at
    assert result.folder.is_dir()
    launcher.discard(handle)
    assert launcher.find("one") is None
    assert launcher.poll([handle])[0].state is JobState.LOST
    with pytest.raises(NotFoundError):
        launcher.fetch(handle)
    launcher.discard(handle)


def test_handles_are_json_and_mean_the_same_to_another_launcher(launcher, backend, tmp_path):
    handle = launcher.submit(request(tmp_path, "one"))
    copied = json.loads(json.dumps(handle))
    await_state(launcher, [handle], [JobState.FINISHED])
    other = backend.open()
    assert other.find("one") == handle
    assert other.poll([copied]) == [JobStatus(JobState.FINISHED)]
    assert other.fetch(copied).outcome == launcher.fetch(handle).outcome


def test_a_name_is_submitted_once(launcher, tmp_path):
    assert launcher.find("one") is None
    first = launcher.submit(request(tmp_path, "one", token="first", candidate="c1"))
    assert launcher.submit(request(tmp_path, "one", token="second", candidate="c2")) == first == launcher.find("one")
    await_state(launcher, [first], [JobState.FINISHED])
    assert launcher.submit(request(tmp_path, "one", token="third", candidate="c2")) == first
    result = launcher.fetch(first)
    assert (result.token, result.outcome.value) == ("first", pytest.approx(0.1))


def test_many_jobs_are_all_done_once(launcher, backend, tmp_path):
    handles = [launcher.submit(request(tmp_path, f"job-{k}", candidate=f"c{k % 9}")) for k in range(backend.many)]
    await_state(launcher, handles, [JobState.FINISHED])
    values = [launcher.fetch(handle).outcome.value for handle in handles]
    assert values == pytest.approx([k % 9 * 0.1 for k in range(backend.many)])


def test_a_failure_of_the_science_is_a_result(launcher, tmp_path):
    handle = launcher.submit(request(tmp_path, "one", candidate="broken"))
    await_state(launcher, [handle], [JobState.FINISHED])
    outcome = launcher.fetch(handle).outcome
    assert outcome.value is None
    assert (outcome.failure.kind, outcome.failure.reason) == (FailureKind.SCIENCE, "recorded_failure")


def test_a_failure_of_the_plumbing_says_what_was_wrong(launcher, tmp_path):
    handle = launcher.submit(request(tmp_path, "one", candidate="nowhere"))
    await_state(launcher, [handle], [JobState.FINISHED])
    failure = launcher.fetch(handle).outcome.failure
    assert failure.kind is FailureKind.PLUMBING
    assert failure.reason == "not_found"
    assert "nowhere" in failure.message


def test_the_result_s_files_lie_in_its_folder(launcher, tmp_path):
    from ase.io import read

    job = request(tmp_path, "one", "lasting")
    job.document["calculator"]["relaxation"] |= {"fmax": 0.5}
    handle = launcher.submit(job)
    await_state(launcher, [handle], [JobState.FINISHED])
    result = launcher.fetch(handle)
    assert result.outcome.value > 0
    atoms = read(result.folder / result.outcome.artifacts["structure.extxyz"])
    assert len(atoms.get_potential_energies()) == len(atoms) == result.outcome.properties["n_atoms"]
    assert result.outcome.provenance.host
    (result.folder / "structure.extxyz").write_text("cut off")
    with pytest.raises(NotFoundError, match="damaged"):
        launcher.fetch(handle)


def test_a_job_whose_worker_is_killed_is_lost_and_the_next_one_is_done(launcher, backend, tmp_path):
    handle = launcher.submit(request(tmp_path, "doomed", "endless"))
    await_state(launcher, [handle], [JobState.RUNNING])
    backend.signal_worker("doomed", signal.SIGKILL)
    (status,) = await_state(launcher, [handle], OVER)
    assert (status.state, status.reason) == (JobState.LOST, "worker_died")
    with pytest.raises(NotFoundError):
        launcher.fetch(handle)
    handles = [launcher.submit(request(tmp_path, f"next-{k}")) for k in range(4)]
    await_state(launcher, handles, [JobState.FINISHED])


@pytest.mark.parametrize("stopped", [False, True], ids=["busy", "stopped"])
def test_a_job_that_hangs_ends_at_its_timeout(launcher, backend, tmp_path, stopped):
    handle = launcher.submit(request(tmp_path, "hangs", "endless", timeout=3.0))
    await_state(launcher, [handle], [JobState.RUNNING, JobState.LOST])
    if stopped:
        backend.signal_worker("hangs", signal.SIGSTOP)
    (status,) = await_state(launcher, [handle], OVER)
    assert (status.state, status.reason) == (JobState.LOST, "timeout")
    assert finished(launcher, request(tmp_path, "next")) == pytest.approx(0.3)


def test_cancelling_ends_waiting_and_running_jobs_and_leaves_results_alone(launcher, tmp_path):
    done = launcher.submit(request(tmp_path, "done"))
    await_state(launcher, [done], [JobState.FINISHED])
    running = [launcher.submit(request(tmp_path, f"running-{k}", "endless")) for k in range(2)]
    await_state(launcher, running, [JobState.RUNNING])
    waiting = launcher.submit(request(tmp_path, "waiting"))
    assert launcher.poll([waiting]) == [JobStatus(JobState.QUEUED)]
    for handle in (waiting, *running, done):
        launcher.cancel(handle)
        launcher.cancel(handle)
    states = [(status.state, status.reason) for status in launcher.poll([waiting, *running, done])]
    assert states == [(JobState.LOST, "cancelled")] * 3 + [(JobState.FINISHED, "")]
    assert finished(launcher, request(tmp_path, "next")) == pytest.approx(0.3)


def test_a_damaged_result_is_refused_and_kept_aside(launcher, backend, tmp_path):
    handle = launcher.submit(request(tmp_path, "job"))
    await_state(launcher, [handle], [JobState.FINISHED])
    folder = launcher.fetch(handle).folder
    texts = ["", '{"token": ', '{"schema_version": 1, "tok', "[1]", '{"schema_version": 1}', '"\\u0000"', "[" * 100_000]
    for text in texts:
        (folder / "result.json").write_text(text)
        with pytest.raises(DamagedResultError, match="damaged"):
            launcher.fetch(handle)
    launcher.discard(handle)
    assert [kept.read_text() for kept in sorted((folder.parents[1] / "damaged").glob("*result.json"))] == texts


def test_a_discarded_job_that_still_runs_disturbs_nothing(launcher, tmp_path):
    handle = launcher.submit(request(tmp_path, "dropped", "lasting"))
    await_state(launcher, [handle], [JobState.RUNNING])
    launcher.discard(handle)
    again = launcher.submit(request(tmp_path, "dropped", token="again"))
    await_state(launcher, [again], [JobState.FINISHED])
    assert launcher.fetch(again).token == "again"


def test_stopping_ends_idle_helpers_and_lets_jobs_go_on(backend, tmp_path):
    launcher = backend.open()
    launcher.start()
    handle = launcher.submit(request(tmp_path, "lasting", "lasting"))
    await_state(launcher, [handle], [JobState.RUNNING])
    launcher.stop()
    await_none(backend)
    assert launcher.poll([handle]) == [JobStatus(JobState.FINISHED)]
    assert launcher.fetch(handle).outcome.failure.reason == "not_converged"


def test_a_launcher_can_be_started_again(backend, tmp_path):
    launcher = backend.open()
    for name in ("one", "two"):
        launcher.start()
        assert finished(launcher, request(tmp_path, name)) == pytest.approx(0.3)
        launcher.stop()
    await_none(backend)


LEAVES_A_DAEMON = """
import json, os, time
end, open_end = os.pipe()
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.write(open_end, b"%d" % os.getpid())
        time.sleep(300)
    os._exit(0)
print(os.read(end, 20).decode(), file=open(FILE, "w"))
json.dump({"energy": 1.0, "forces": [[0.0] * 3] * 4}, open("result.json", "w"))
"""


def test_what_a_job_leaves_behind_ends_with_it(backend, tmp_path):
    """A daemon with a session of its own, which also SLURM loses with proctrack/linuxproc."""
    left, program = tmp_path / "left", tmp_path / "program.py"
    program.write_text(f"FILE = {str(left)!r}\n{LEAVES_A_DAEMON}")
    offer_commands({"mine": CommandSpec(argv=(sys.executable, "-IS", program.name), files=(str(program),))})
    job = request(tmp_path, "one", candidate="al-rattle-0.1-n04-d0001")
    job.document["space"] = {
        "type": "crystals",
        "crystals": {"al": {"structure": "fcc", "elements": ["Al"], "lattice_parameter": 4.05}},
        "scans": [{"type": "rattle", "atoms": [4], "draws": 1}],
    }
    job.document.update({"calculator": {"type": "command", "command": "mine"}, "objective": {"unit": "eV/atom"}})
    launcher = backend.open()
    launcher.start()
    try:
        assert finished(launcher, job) == pytest.approx(0.25)
        assert not psutil.pid_exists(int(left.read_text()))
    finally:
        launcher.stop()
        offer_commands({})


def start_driver(backend: LocalBackend, statements: str) -> subprocess.Popen[str]:
    """A driver process that has printed ``ready``."""
    command = [sys.executable, "-c", backend.driver(statements)]
    driver = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert driver.stdout.readline() == "ready\n"
    return driver


def test_a_killed_driver_s_job_ends_is_adopted_and_leaves_no_process(backend, tmp_path):
    driver = start_driver(
        backend,
        """
        handle = launcher.submit(request(folder, "orphan", "lasting", token="kept"))
        await_state(launcher, [handle], ["RUNNING"])
        print("ready", flush=True)
        sys.stdin.read()
        """,
    )
    driver.kill()
    driver.wait()
    # Nothing of ours holds the pipe, or its reader would wait for the orphan.
    assert driver.stdout.read() == ""
    await_none(backend)
    launcher = backend.open()
    handle = launcher.find("orphan")
    assert launcher.poll([handle]) == [JobStatus(JobState.FINISHED)]
    assert launcher.fetch(handle).token == "kept"


def test_a_resuming_driver_takes_workers_and_jobs_over(backend, tmp_path):
    driver = start_driver(
        backend,
        """
        launcher.submit(request(folder, "long", "endless"))
        handle = launcher.submit(request(folder, "short", "lasting"))
        await_state(launcher, [handle], ["RUNNING"])
        for k in range(3):
            launcher.submit(request(folder, f"queued-{k}"))
        print("ready", flush=True)
        sys.stdin.read()
        """,
    )
    driver.kill()
    driver.wait()
    launcher = backend.open()
    launcher.start()
    handles = [launcher.find(name) for name in ("short", "queued-0", "queued-1", "queued-2")]
    await_state(launcher, handles, [JobState.FINISHED])
    long = launcher.find("long")
    assert launcher.poll([long]) == [JobStatus(JobState.RUNNING)]
    launcher.cancel(long)
    assert launcher.poll([long])[0].reason == "cancelled"
    launcher.stop()
    await_none(backend)


def test_an_overdue_job_of_a_killed_driver_is_ended_by_the_resuming_one(backend, tmp_path):
    driver = start_driver(
        backend,
        """
        handle = launcher.submit(request(folder, "hangs", "endless", timeout=5.0))
        await_state(launcher, [handle], ["RUNNING"])
        print("ready", flush=True)
        sys.stdin.read()
        """,
    )
    driver.kill()
    driver.wait()
    launcher = backend.open()
    launcher.start()
    (status,) = await_state(launcher, [launcher.find("hangs")], OVER)
    assert (status.state, status.reason) == (JobState.LOST, "timeout")
    launcher.stop()
    await_none(backend)


def test_a_driver_that_was_replaced_leaves_the_workers_to_the_new_one(backend, tmp_path):
    old, new = backend.open(), backend.open()
    old.start()
    new.start()
    old.stop()
    assert finished(new, request(tmp_path, "one")) == pytest.approx(0.3)
    new.stop()
    await_none(backend)


def polled_until(launcher: Launcher, handle: JsonDict, wanted: Callable[[JobStatus | TransientError], bool]) -> object:
    """What polling says once it says what is wanted."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            (said,) = launcher.poll([handle])
        except TransientError as error:
            said = error
        if wanted(said):
            return said
        assert time.monotonic() < deadline, f"polling says {said}"
        launcher.wait([handle], 0.05)


@pytest.mark.parametrize("backend", ["local"], indirect=True)
def test_workers_that_cannot_start_are_reported_until_they_can(backend, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONHOME", "/nonexistent")
    launcher = backend.open()
    launcher.start()
    handle = launcher.submit(request(tmp_path, "one"))
    error = polled_until(launcher, handle, lambda said: isinstance(said, TransientError))
    assert "without having done a job" in str(error)
    monkeypatch.delenv("PYTHONHOME")
    polled_until(launcher, handle, lambda said: said == JobStatus(JobState.FINISHED))
    assert launcher.fetch(handle).outcome.value == pytest.approx(0.3)
    launcher.stop()


def test_a_name_that_is_none_is_refused(launcher, tmp_path):
    for name in ("", "..", "a/b", "a b", "x" * 200):
        with pytest.raises(ConfigurationError, match="job name"):
            launcher.submit(request(tmp_path, name))


def test_the_runtime_names_what_a_resume_may_have_to_reap(launcher, backend):
    runtime = json.loads(json.dumps(dict(launcher.runtime())))
    named = {one["pid"] for one in runtime["workers"]}
    # A process that was just begun has no command line of its own yet.
    until = time.monotonic() + PATIENCE
    while (found := outermost(backend.processes())) != named and time.monotonic() < until:
        time.sleep(0.01)
    assert found == named
