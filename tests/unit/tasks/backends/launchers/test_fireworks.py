"""When is a job dead? Scheduler and heartbeat must agree. SLURM is played by a program that says what a file says."""

import json

import pytest

from tansaku.models.domain.specs.cluster import FireworksLauncherSpec
from tansaku.models.domain.states import JobState
from tansaku.tasks.backends.launchers.launches import LaunchFolder
from tansaku.tasks.backends.launchers.slurm import Slurm


class Job:
    """A job that came to SLURM: a launcher that is asked for it, and what SLURM and its node do."""

    def __init__(self, folder):
        self.folder = folder
        self.said = folder / "said"
        (folder / "squeue").write_text(f"#!/bin/sh\n[ -e {self.said} ] || exit 1\ncat {self.said}\n")
        (folder / "squeue").chmod(0o755)
        from tansaku.tasks.backends.launchers.fireworks import FireworksLauncher
        from tansaku.tasks.backends.launchers.queue.thread import NoFilling

        spec = FireworksLauncherSpec(folder=str(folder), silence=0.3, look=0.01)
        slurm = Slurm({"PATH": f"{folder}:/usr/bin:/bin"})
        self.launcher = FireworksLauncher(spec, "test", None, slurm, NoFilling())
        self.spool = self.launcher._spool
        self.spool.create(pipes=False)
        self.spool.add("job", {"token": "t"}, queue=False)
        (self.spool.folder("job") / "launch.json").write_text('{"launch": "job-1"}')
        self.launch = LaunchFolder.of(folder, "job-1")
        self.launch.create()
        self.launch.write("submitted", {"number": "7"})
        self.beats = 0

    def slurm_says(self, state):
        """What SLURM says from now on, and long enough ago that nobody believes what it said before."""
        self.said.write_text(f"7|{state}|Reason|job-1\n" if state else "")
        self.launcher._idle.wait(0.05)

    def slurm_is_silent(self):
        self.said.unlink(missing_ok=True)

    def begin(self):
        self.launch.begin({"pid": 1})
        self.spool.claim("job")
        self.beat()

    def beat(self):
        self.beats += 1
        self.launch.write("heartbeat", {"beat": self.beats})

    def status(self):
        return self.launcher.poll([{"type": "fireworks", "name": "job"}])[0]

    def pass_silence(self):
        self.status()
        self.launcher._idle.wait(0.4)


@pytest.fixture
def job(require, tmp_path):
    require("fireworks")
    return Job(tmp_path)


def test_a_beating_heart_counts_whatever_slurm_says(job):
    job.begin()
    for said in ("NODE_FAIL", "CANCELLED", "", "RUNNING"):
        job.slurm_says(said)
        job.pass_silence()
        job.beat()
        assert job.status().state is JobState.RUNNING


def test_a_silent_heart_is_not_death_while_slurm_has_the_job(job):
    job.begin()
    for said in ("RUNNING", "COMPLETING", "SUSPENDED"):
        job.slurm_says(said)
        job.pass_silence()
        status = job.status()
        assert status.state is JobState.RUNNING
        assert "no heartbeat" in status.message


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("TIMEOUT", "walltime"),
        ("NODE_FAIL", "node_fail"),
        ("OUT_OF_MEMORY", "out_of_memory"),
        ("CANCELLED", "cancelled"),
        ("PREEMPTED", "preempted"),
        ("FAILED", "worker_died"),
        ("COMPLETED", "worker_died"),
        ("", "worker_died"),
    ],
)
def test_a_silent_heart_and_an_ended_job_are_death_for_the_reason_slurm_gives(job, said, reason):
    job.begin()
    job.slurm_says(said)
    assert job.status().state is JobState.RUNNING
    job.pass_silence()
    status = job.status()
    assert (status.state, status.reason) == (JobState.LOST, reason)
    job.beat()
    assert job.status() == status


def test_nobody_knows_while_slurm_does_not_answer(job):
    job.begin()
    job.slurm_is_silent()
    job.pass_silence()
    assert job.status().state is JobState.UNKNOWN
    job.slurm_says("RUNNING")
    assert job.status().state is JobState.RUNNING


def test_a_job_that_ended_before_it_began_is_given_up_after_a_while(job):
    job.slurm_says("CANCELLED")
    assert job.status().state is JobState.QUEUED
    job.pass_silence()
    status = job.status()
    assert (status.state, status.reason) == (JobState.LOST, "cancelled")


def test_a_job_that_slurm_lists_again_was_never_gone(job):
    job.slurm_says("")
    job.status()
    job.slurm_says("PENDING")
    job.pass_silence()
    job.slurm_says("")
    assert job.status().state is JobState.QUEUED


def test_a_submission_that_nobody_has_confirmed_waits(job):
    (job.launch.path / "submitted.json").unlink()
    job.slurm_says("")
    job.pass_silence()
    assert job.status().state is JobState.QUEUED


def test_a_result_beats_every_verdict(job):
    job.begin()
    job.spool.lose("job", "node_fail", "gone")
    assert job.status().reason == "node_fail"
    (job.spool.folder("job") / "result.json").write_text(json.dumps({}))
    assert job.status().state is JobState.FINISHED


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("echo '6|COMPLETED'\necho '7|CANCELLED by 1000'\n", "cancelled"),
        # An accounting that does not answer costs the reason alone.
        ("echo 'sacct: error: Slurm accounting storage is disabled' >&2\nexit 1\n", "worker_died"),
        ("echo 'sacct: error: connection refused' >&2\nexit 1\n", "worker_died"),
    ],
)
def test_a_job_that_slurm_has_forgotten_is_looked_up_in_its_accounting(job, answer, reason):
    (job.folder / "sacct").write_text(f"#!/bin/sh\n{answer}")
    (job.folder / "sacct").chmod(0o755)
    job.begin()
    job.slurm_says("")
    job.pass_silence()
    assert job.status().reason == reason


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("slurmstepd: error: Detected 1 oom-kill event(s) in StepId=7.batch", "out_of_memory"),
        ("slurmstepd-n1: error: StepId=7.batch exceeded memory limit (300 > 50), being killed", "out_of_memory"),
        ("the user wrote of an oom-kill", "worker_died"),
    ],
)
def test_what_slurm_writes_among_the_errors_tells_of_memory(job, line, reason):
    job.begin()
    (job.launch.path / "err.txt").write_text(f"{line}\n")
    job.slurm_says("FAILED")
    job.pass_silence()
    assert job.status().reason == reason


@pytest.mark.parametrize("file", ["launch", "claim"])
def test_a_job_whose_files_are_damaged_is_lost(tmp_path, file):
    job = Job(tmp_path)
    job.slurm_says("RUNNING")
    job.begin()
    damaged = job.spool.folder("job") / "launch.json" if file == "launch" else job.spool.root / "claims" / "job"
    damaged.write_text("[1]")
    status = job.status()
    assert (status.state, status.reason) == (JobState.LOST, "damaged_file")
    assert str(damaged) in status.message
