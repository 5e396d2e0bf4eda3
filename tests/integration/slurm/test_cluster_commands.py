"""`tansaku site`, `tansaku queue` and `tansaku log` on the real SLURM."""

import json
import os
import signal

import yaml

from tansaku.models.domain.states import EvaluationState


def found(campaign, *arguments):
    said = campaign.say("site", "check", "--json", *arguments)
    return {one["name"]: one for one in json.loads(said[said.index("[") :])}


def test_site_check_runs_a_job_on_a_node(make_campaign):
    campaign = make_campaign({"resources": {"partition": "main"}})
    checks = found(campaign)
    states = {name: one["state"] for name, one in checks.items()}
    assert set(states.values()) == {"ok"}, checks
    assert set(states) == {
        "shared folder", "database", "scheduler", "partition main",
        "test job", "database access from a node", "versions", "clocks",
    }  # fmt: skip
    assert "ran on n" in checks["test job"]["detail"]
    assert not list((campaign.backend.shared / "checks").iterdir())


def test_site_check_names_what_is_wrong(make_campaign):
    campaign = make_campaign({"resources": {"partition": "main", "walltime": 90000}})
    checks = found(campaign)
    assert checks["partition main"]["state"] == "missing"
    assert "above its limit of 3600 s" in checks["partition main"]["detail"]
    assert checks["test job"]["state"] == "missing"
    document = yaml.safe_load(campaign.site_file.read_text())
    document["launcher"]["resources"] = {"partition": "nowhere"}
    campaign.site_file.write_text(yaml.safe_dump(document))
    assert found(campaign)["partition nowhere"]["state"] == "missing"


def test_a_worker_submits_for_drivers_and_one_that_is_killed_is_replaced(make_campaign):
    campaign = make_campaign()
    assert "process" in campaign.say("queue", "start")
    workers = campaign.backend.cluster().workers
    worker = workers.get("cluster")
    assert (worker.kind, worker.alive) == ("worker", True)
    assert "has a queue process" in campaign.say("queue", "start")
    driver = campaign.start()
    _, pid = campaign.hold_one()
    assert workers.get("cluster").launcher == worker.launcher
    assert "filled by queue process" in campaign.say("queue", "status")
    os.kill(worker.owner.pid, signal.SIGKILL)
    campaign.wait_for(lambda: workers.get("cluster").kind == "driver")
    os.kill(pid, signal.SIGCONT)
    assert campaign.ended(driver) == 0
    assert [one.state for one in campaign.evaluations()] == [EvaluationState.DONE] * 2
    assert campaign.attempts() == [[], []]
    assert campaign.runs() == 2
    assert "process" in campaign.say("queue", "start")
    assert "stopped" in campaign.say("queue", "stop")
    assert "not running" in campaign.say("queue", "stop")
    assert "no process fills it" in campaign.say("worker", "status")  # its name in older versions


def test_log_of_a_candidate_shows_what_its_jobs_and_slurm_wrote(make_campaign, slurm):
    campaign = make_campaign(budget={"evaluations": 1})
    driver = campaign.start()
    job, _ = campaign.hold_one()
    slurm.run("scancel", f"--name={campaign.launch(job)}")
    assert campaign.ended(driver) == 0
    assert campaign.attempts() == [["terminated"]]
    candidate = campaign.evaluations()[0].proposal.candidate
    said = campaign.say("log", "small", candidate)
    assert "attempt 1" in said
    assert "terminated" in said
    assert "slurmstepd" in said
    assert "CANCELLED" in said
    assert "attempt 2" in said
    assert "done" in said
    assert campaign.say("log", "small", "nobody").startswith("error")
