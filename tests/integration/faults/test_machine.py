"""What the machine does to a campaign: its clock is set, its disk is full, files are damaged, workers cannot be started."""

from __future__ import annotations

import errno
import os
import re
import signal
import subprocess
import sys
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest
import yaml
from ase import Atoms

from tansaku.models.domain.errors import CalculationError, DiskFullError
from tansaku.models.domain.records import Provenance
from tansaku.models.domain.specs.relaxation import RelaxationSpec
from tansaku.models.domain.states import EvaluationState
from tansaku.tasks.backends.stores.embedded_mongod import EmbeddedMongod
from tansaku.tasks.node.jobs.kept import scratch_of
from tansaku.tasks.node.jobs.spool_files import lacks_room
from tests.support.workers import workers_on


def lost_for(campaign):
    return [
        attempt.failure.reason
        for one in campaign.store.evaluations("small")
        for attempt in one.attempts
        if attempt.failure is not None
    ]


def waits(campaign, request):
    return [line["wait"] for line in campaign.log(request) if "wait" in line]


# ---------------------------------------------------------------- the clock


@pytest.fixture
def machine(require, tmp_path):
    """``machine.start(argv, …)`` starts programs that see a clock of their own; ``machine.set_clock(step)`` sets it."""
    require("root")
    return ClockedMachine(tmp_path / "stat")


class ClockedMachine:
    """Its /proc/stat is a file, mounted over the kernel's in a namespace of the programs' own."""

    def __init__(self, stat: Path) -> None:
        self._stat = stat
        self.set_clock(0)

    def set_clock(self, step: int) -> None:
        real = Path("/proc/stat").read_text()
        self._stat.write_text(re.sub(r"(?m)^btime (\d+)$", lambda found: f"btime {int(found[1]) + step}", real))

    def start(self, argv: list[str], **options) -> subprocess.Popen:
        inside = ["sh", "-c", 'mount --bind "$0" /proc/stat && exec "$@"', str(self._stat), *argv]
        return subprocess.Popen(["unshare", "--mount", "--propagation", "private", *inside], text=True, **options)


def test_setting_the_clock_ends_no_worker_and_gives_no_second_driver_the_campaign(make_campaign, machine):
    campaign = make_campaign(slow=True, budget={"evaluations": 6})
    timing = {"lease": 20.0, "heartbeat": 0.1, "poll": 0.05}
    site = {"launcher": {"type": "local", "workers": 1}, "database": {"name": campaign.database}, "timing": timing}
    (campaign.folder / "site.yaml").write_text(yaml.safe_dump(site))
    argv = [str(Path(sys.executable).with_name("tansaku")), "run", "small.yaml", "--plain", "--site", "site.yaml"]
    environment = os.environ | {"TANSAKU_HOME": str(campaign.folder / "home"), "TANSAKU_MONGO_URI": campaign.uri}
    options = {"cwd": campaign.folder, "env": environment, "stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
    first = machine.start(argv, **options)
    try:
        (worker,) = campaign.wait_for(lambda: workers_on(campaign.spool))
        worker.suspend()  # so that the campaign lasts until the second driver has looked
        for step in (-10, 10):
            machine.set_clock(step)
            second = machine.start(argv, **options)
            assert "process" in second.communicate(timeout=120)[1]
            assert second.returncode == 4
        worker.resume()
        assert worker.is_running()
    finally:
        errors = first.communicate(timeout=120)[1]
    assert first.returncode == 0, errors
    assert {evaluation.state for evaluation in campaign.store.evaluations("small")} == {EvaluationState.DONE}
    assert {len(evaluation.attempts) for evaluation in campaign.store.evaluations("small")} == {1}


# ---------------------------------------------------------------- the disk


@contextmanager
def small_disk(folder, size="40m"):
    folder.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def pour(stream, size):
    while True:
        stream.write(b"x" * size)


def fill(file):
    with file.open("wb", buffering=0) as stream:
        for size in (2**20, 2**12, 1):
            with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)):
                pour(stream, size)


def test_a_full_disk_pauses_the_campaign_and_spends_no_retry(require, make_campaign, undisturbed):
    require("root")
    execution = {"in_flight": 2, "retries": 0, "retry_backoff": 0.01, "polish": 0, "timeout": 60}
    undisturbed(slow=True)
    campaign = make_campaign(slow=True, execution=execution, budget={"evaluations": 6})
    spool = campaign.folder / "home" / "spool"
    with small_disk(spool):
        pid, request = campaign.start()
        campaign.wait_for(lambda: any(line.get("proposal", 0) >= 2 for line in campaign.log(request)))
        fill(spool / "filler")
        campaign.wait_for(lambda: any(f"disk is full: {spool}" in wait for wait in waits(campaign, request)))
        known = len(campaign.store.evaluations("small"))
        (spool / "filler").unlink()
        assert campaign.answer(pid, request)["reason"] == "evaluations"
    found = campaign.store.evaluations("small")
    assert known < len(found) == 6
    assert {evaluation.state for evaluation in found} == {EvaluationState.DONE}
    assert set(lost_for(campaign)) <= {"disk_full"}


class Scribbler:
    """A calculator that writes files, if it relaxes until the disk is full, and takes something else for the cause."""

    folder = None

    def __init__(self, name):
        self.provenance = Provenance(code=name, code_version="1")

    def close(self): ...

    def within(self, folder):
        self.folder = folder
        folder.mkdir()
        return self

    def evaluate(self, structure, relaxation=None):
        (self.folder / "wave functions").write_bytes(b"x" * 1000)
        if relaxation is not None:
            fill(self.folder / "more wave functions")
        raise CalculationError("not_converged", "error writing file")


@pytest.fixture
def fail(require, tmp_path):
    """``fail(name, relaxation, meanwhile)``: an evaluation on a small disk; others may take place while it lasts."""
    require("root")
    with small_disk(tmp_path / "disk", "3m"):
        job = tmp_path / "disk" / "job"
        job.mkdir()

        def evaluate(name, relaxation=None, meanwhile=lambda: None):
            scribbler = Scribbler(name)
            try:
                with scratch_of(scribbler, Atoms("H"), relaxation, job) as calculator:
                    meanwhile()
                    calculator.evaluate(Atoms("H"), relaxation)
            finally:
                assert not scribbler.folder.exists(), "its files would keep the disk full"

        yield evaluate


def test_a_program_that_fails_on_a_full_disk_fails_for_that(fail):
    with pytest.raises(CalculationError, match="error writing file"):
        fail("modest")
    with pytest.raises(DiskFullError, match="error writing file: disk is full") as caught:
        fail("greedy", RelaxationSpec())
    assert lacks_room(caught.value)


def test_jobs_that_fail_on_one_full_disk_all_fail_for_that(fail):
    def greedy():
        with pytest.raises(DiskFullError):
            fail("greedy", RelaxationSpec())

    with pytest.raises(DiskFullError):
        fail("modest", meanwhile=greedy)
    with pytest.raises(CalculationError):
        fail("modest")


@pytest.fixture
def small_mongod(require):
    require("root")
    require("mongod")
    with tempfile.TemporaryDirectory(prefix="tsk-") as folder, small_disk(Path(folder, "disk"), "1g"):
        mongod = EmbeddedMongod(Path(folder, "disk"))
        yield mongod, Path(folder, "disk")
        mongod.stop()


def test_a_database_without_room_pauses_the_campaign(small_mongod, make_campaign, undisturbed):
    mongod, disk = small_mongod
    facts, observed = undisturbed()
    campaign = make_campaign({"mongod_home": str(disk)}, uri=mongod.start())
    stop = {"method": "CampaignStore.insert_proposal", "when": "before", "call": 5, "signal": int(signal.SIGSTOP)}
    pid, request = campaign.start(kill=stop)
    campaign.wait_for(lambda: psutil.Process(pid).status() == psutil.STATUS_STOPPED)
    fill(disk / "filler")
    os.kill(mongod.status().pid, signal.SIGKILL)
    os.kill(pid, signal.SIGCONT)
    campaign.wait_for(lambda: any("disk is full: " in wait for wait in waits(campaign, request)))
    (disk / "filler").unlink()
    assert campaign.answer(pid, request)["reason"] == "evaluations"
    assert campaign.facts() == facts
    assert campaign.observed() == observed


# ---------------------------------------------------------------- damaged files


def stopped_after_submit(campaign):
    """A driver that was stopped just after a submission, and a result that lies in the spool."""
    pid, request = campaign.start(kill={"method": "Launcher.submit", "when": "after", "call": 2, "signal": int(signal.SIGSTOP)})
    campaign.wait_for(lambda: psutil.Process(pid).status() == psutil.STATUS_STOPPED)
    jobs = campaign.spool / "jobs"
    return pid, request, campaign.wait_for(lambda: [*jobs.glob("*/result.json")])[0]


def test_a_damaged_result_is_lost_kept_aside_and_computed_again(make_campaign, undisturbed):
    text = '{"schema_version": 1}'
    facts, observed = undisturbed()
    campaign = make_campaign()
    pid, request, result = stopped_after_submit(campaign)
    result.write_text(text)
    os.kill(pid, signal.SIGCONT)
    assert campaign.answer(pid, request)["reason"] == "evaluations"
    assert lost_for(campaign) == ["damaged_result"]
    assert [fact[1:3] for fact in campaign.facts()] == [fact[1:3] for fact in facts]
    assert campaign.observed() == observed
    (kept,) = (campaign.spool / "damaged").glob("*result.json")
    assert kept.read_text() == text


# ---------------------------------------------------------------- workers that cannot be started


def test_workers_that_cannot_be_started_are_started_when_they_can(make_campaign, undisturbed):
    """The thread that looks after the workers outlives an error of the operating system, and the driver says what it is."""
    facts, _ = undisturbed(slow=True)
    campaign = make_campaign(slow=True)
    pid, request = campaign.start()
    (worker,) = campaign.wait_for(campaign.workers)
    logs = campaign.spool / "logs"
    logs.rename(logs.with_name("elsewhere"))
    logs.touch()
    with suppress(ProcessLookupError):
        os.kill(worker.pid, signal.SIGKILL)
    campaign.wait_for(lambda: any("Not a directory" in wait for wait in waits(campaign, request)))
    logs.unlink()
    logs.mkdir()
    assert campaign.answer(pid, request)["reason"] == "evaluations"
    assert [fact[1:3] for fact in campaign.facts()] == [fact[1:3] for fact in facts]


def test_a_driver_without_results_says_what_it_waits_for(make_campaign):
    campaign = make_campaign({"timing": {"lease": 20.0, "heartbeat": 0.05, "poll": 0.05, "reminder": 0.2}}, slow=True)
    pid, request = campaign.start()
    os.kill(campaign.wait_for(campaign.workers)[0].pid, signal.SIGSTOP)
    said = campaign.wait_for(lambda: waits(campaign, request))
    assert re.fullmatch(
        r"no result for \d+ s; waiting for evaluations: .*(queued|running).*the oldest is s\S+ since .*Z", said[0]
    )
    for worker in campaign.workers():
        os.kill(worker.pid, signal.SIGCONT)
    assert campaign.answer(pid, request)["reason"] == "evaluations"
    assert len(waits(campaign, request)) < 60  # ever more rarely
