from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tansaku.models.domain.errors import MissingComponentError, TransientError
from tansaku.models.domain.specs.cluster import SlurmResourcesSpec
from tansaku.tasks.backends.launchers.slurm import RejectedJobError, Slurm, job_script, walltime_for

COMMAND = ["/opt/python", "-P", "-m", "module", "/shared/launches/job-1"]
EVERYTHING = {
    "partition": "long",
    "account": "physics",
    "qos": "high",
    "constraint": "skylake&nvme",
    "nodes": 2,
    "tasks": 4,
    "cpus_per_task": 3,
    "gpus": 1,
    "gres": "gpu:a100:2,nvme",
    "memory": "16G",
}
OPTIONS = ("partition", "account", "qos", "constraint", "nodes", "ntasks", "cpus-per-task", "gpus", "gres", "mem")


def script(resources: SlurmResourcesSpec, walltime: float = 90.0) -> list[str]:
    return job_script("job-1", COMMAND, Path("/shared/launches/job-1"), resources, walltime).splitlines()


def test_every_resource_is_asked_for():
    asked = script(SlurmResourcesSpec.model_validate(EVERYTHING))
    for option, value in zip(OPTIONS, EVERYTHING.values(), strict=True):
        assert f"#SBATCH --{option}={value}" in asked


def test_what_is_left_out_is_not_asked_for():
    asked = "\n".join(script(SlurmResourcesSpec()))
    assert not [option for option in OPTIONS if f"--{option}=" in asked]
    assert asked.splitlines()[-1] == "exec " + " ".join(COMMAND)


def test_a_job_is_never_requeued_behind_our_back():
    assert "#SBATCH --no-requeue" in script(SlurmResourcesSpec())


@pytest.mark.parametrize(("seconds", "minutes"), [(1.0, 1), (60.0, 1), (61.0, 2), (3600.0, 60)])
def test_time_limits_are_rounded_up_to_slurm_s_minutes(seconds, minutes):
    assert f"#SBATCH --time={minutes}" in script(SlurmResourcesSpec(), seconds)


def test_the_limit_is_the_site_s_or_leaves_time_beyond_the_job_s_own():
    assert walltime_for(SlurmResourcesSpec(walltime=7200), 10.0) == 7200
    assert walltime_for(SlurmResourcesSpec(), 600.0) > 600.0


@pytest.mark.parametrize("word", ["a b", "a;b", "$(touch x)", "a\nb", "`x`", "a'b", 'a"b', "a|b", "a>b", ""])
def test_nothing_that_a_shell_reads_gets_into_a_script(word):
    with pytest.raises(ValueError, match="expected"):
        job_script("job-1", [*COMMAND, word], Path("/shared"), SlurmResourcesSpec(), 60.0)
    with pytest.raises(ValueError, match="is not a job name"):
        job_script(f"-{word}", COMMAND, Path("/shared"), SlurmResourcesSpec(), 60.0)


@given(st.sampled_from(["partition", "account", "qos", "constraint", "gres", "memory"]), st.text(min_size=1, max_size=20))
def test_fields_that_pass_are_one_word_of_one_line(field, value):
    try:
        resources = SlurmResourcesSpec.model_validate({field: value})
    except ValueError:
        return
    without, asked = script(SlurmResourcesSpec()), script(resources)
    (line,) = (one for one in asked if one not in without)
    assert len(asked) == len(without) + 1
    assert len(line.split()) == 2
    assert line.startswith("#SBATCH --")


@pytest.fixture
def program(tmp_path):
    """Makes a program that says something, and a Slurm that finds it alone."""

    def make(name: str, lines: str) -> Slurm:
        path = tmp_path / name
        path.write_text(f"#!/bin/sh\n{lines}\n")
        path.chmod(0o755)
        return Slurm({"PATH": str(tmp_path)})

    return make


def test_the_number_of_a_submitted_job_is_read(program, tmp_path):
    assert program("sbatch", "echo 4711").submit(tmp_path / "job.sh") == "4711"
    assert program("sbatch", "echo '4711;cluster'").submit(tmp_path / "job.sh") == "4711"


@pytest.mark.parametrize(
    "said",
    [
        "sbatch: error: Batch job submission failed: Unable to contact slurm controller (connect failure)",
        "sbatch: error: Batch job submission failed: Socket timed out on send/recv operation",
        "sbatch: error: Slurm temporarily unable to accept job, sleeping and retrying",
    ],
)
def test_an_answer_that_may_have_been_lost_is_not_a_refusal(program, tmp_path, said):
    with pytest.raises(TransientError, match="submitting"):
        program("sbatch", f"echo '{said}' >&2; exit 1").submit(tmp_path / "job.sh")


def test_a_refusal_is_one(program, tmp_path):
    slurm = program("sbatch", "echo 'sbatch: error: invalid partition specified: nope' >&2; exit 1")
    with pytest.raises(RejectedJobError, match="invalid partition"):
        slurm.submit(tmp_path / "job.sh")


def test_an_answer_without_a_number_is_doubtful(program, tmp_path):
    with pytest.raises(TransientError, match="instead of a job number"):
        program("sbatch", "true").submit(tmp_path / "job.sh")


def test_the_latest_job_of_a_name_counts(program):
    jobs = program(
        "squeue", "echo '12|RUNNING|None|a'; echo '9|FAILED|NonZeroExitCode|a'; echo '10|PENDING|(Resources)|b|c'"
    ).jobs()
    assert (jobs["a"].identifier, jobs["a"].state, jobs["a"].ended) == ("12", "RUNNING", False)
    assert (jobs["b|c"].waiting, jobs["b|c"].reason) == (True, "(Resources)")


def test_no_slurm_here_is_said(tmp_path):
    with pytest.raises(MissingComponentError, match="squeue is not on PATH"):
        Slurm({"PATH": str(tmp_path)}).jobs()


def test_only_a_job_name_is_cancelled(program):
    with pytest.raises(ValueError, match="is not a job name"):
        program("scancel", "true").cancel("a,b")
