"""What goes wrong on clusters: nothing is lost, nothing is computed twice that need not be, the reason can be seen."""

import os
import shutil
import signal

import pytest

from tansaku.models.domain.states import EvaluationState

DONE = [EvaluationState.DONE] * 2


def is_done(campaign):
    return [one.state for one in campaign.evaluations()] == DONE and len(campaign.observed()) == 2


def wrapped_sbatch(tmp_path, after):
    """A PATH on which sbatch is the real one, followed the first time by something else than its answer."""
    folder = tmp_path / "bin"
    folder.mkdir()
    script = folder / "sbatch"
    script.write_text(
        f'#!/bin/sh\n{shutil.which("sbatch")} "$@" > {folder}/said-$$ || exit 1\n'
        f"if mkdir {folder}/first 2>/dev/null; then {after}; fi\ncat {folder}/said-$$\n"
    )
    script.chmod(0o755)
    return f"{folder}:{os.environ['PATH']}"


def test_driver_killed_between_sbatch_and_the_record(make_campaign, tmp_path):
    campaign = make_campaign()
    driver = campaign.start(PATH=wrapped_sbatch(tmp_path, "kill -9 $PPID; exit 1"))
    assert campaign.ended(driver) == -9
    (launch,) = (campaign.backend.shared / "launches").glob("*/submitting.json")
    assert not launch.with_name("submitted.json").exists()
    campaign.drive()
    assert is_done(campaign)
    assert campaign.attempts() == [[], []]
    assert campaign.runs() == 2


def test_answer_of_sbatch_lost(make_campaign, slurm, tmp_path):
    campaign = make_campaign()
    lost = "echo 'sbatch: error: Batch job submission failed: Socket timed out on send/recv operation' >&2; exit 1"
    campaign.drive(PATH=wrapped_sbatch(tmp_path, lost))
    assert is_done(campaign)
    assert campaign.attempts() == [[], []]
    assert campaign.runs() == 2
    assert len(slurm.run("squeue", "--noheader", "--states=all", f"--name={','.join(slurm.jobs())}").splitlines()) == 2


def test_supervisor_on_the_node_killed_with_its_worker(make_campaign):
    campaign = make_campaign()
    driver = campaign.start()
    job, pid = campaign.hold_one()
    campaign.backend.supervisor(campaign.launch(job)).kill()
    os.kill(pid, signal.SIGKILL)
    assert campaign.ended(driver) == 0
    assert is_done(campaign)
    assert sorted(campaign.attempts()) == [[], ["worker_died"]]
    assert "worker_died" in campaign.say("status", "small")


@pytest.mark.slow
def test_walltime_too_short(make_campaign):
    """SLURM counts in minutes, so this takes one."""
    campaign = make_campaign({"resources": {"walltime": 1.0}}, execution={"in_flight": 2, "retries": 1, "polish": 0})
    driver = campaign.start()
    campaign.hold_one()
    campaign.wait_for(lambda: ["walltime"] in campaign.attempts())
    assert campaign.ended(driver) == 0
    assert is_done(campaign)
    assert "walltime" in campaign.say("status", "small")


def test_controller_down_for_a_while(make_campaign, slurm):
    campaign = make_campaign()
    slurm.stop_daemon("slurmctld", signal.SIGKILL)
    driver = campaign.start()
    workers = campaign.backend.cluster().workers
    campaign.wait_for(lambda: (seen := workers.get("cluster")) and seen.report.get("problem"))
    assert "slurm" in campaign.say("status", "small").lower()
    assert driver.poll() is None
    slurm.start_controller()
    assert campaign.ended(driver) == 0
    assert is_done(campaign)
    assert campaign.attempts() == [[], []]
    assert campaign.runs() == 2


def test_node_cut_off_and_back_is_not_dead_while_its_heart_beats(make_campaign, slurm):
    campaign = make_campaign()
    driver = campaign.start()
    job, pid = campaign.hold_one()
    node = campaign.spool.claimed(job).host
    launch = campaign.launch(job)
    slurm.cut_off(node)
    campaign.wait_for(lambda: slurm.jobs().get(launch) in ("NODE_FAIL", None))  # forgotten at once on a busy machine
    os.kill(pid, signal.SIGCONT)
    assert campaign.ended(driver) == 0
    slurm.connect(node)
    assert is_done(campaign)
    assert campaign.attempts() == [[], []]
    assert campaign.runs() == 2
