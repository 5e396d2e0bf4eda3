"""Whoever can write the LaunchPad cannot run what he likes: nothing is decoded that is not exactly what tansaku writes."""

import json
import time

import pytest

from tansaku.models.domain.ports import JobRequest
from tansaku.models.domain.states import JobState
from tansaku.tasks.backends.launchers.launchpad import prepare
from tansaku.tasks.node.jobs.document import JobDocument
from tests.support.campaign_files import table_space

PATIENCE = 120.0


def job(folder, candidate="c3"):
    (folder / "table.csv").write_text("id,x,value\n" + "".join(f"c{k},{k},{k * 0.1}\n" for k in range(9)))
    space = table_space("table.csv", {"id": "id", "value": "value"}, {"x": {"columns": ["x"]}})
    document = JobDocument(campaign="test", candidate=candidate, space=space, base_path=str(folder))
    return JobRequest(name="job", token="t", document=document.model_dump(mode="json"), timeout=60.0)


def poisons(marker):
    """Ways to have a command run, as updates of a Firework."""
    script = {"_fw_name": "ScriptTask", "script": f"touch {marker}", "use_shell": True}
    return {
        "another task": {"spec._tasks": [script]},
        "a second task": {"$push": {"spec._tasks": script}},
        "a callable": {"spec._tasks.0._fw_name": "{{subprocess.getoutput}}"},
        "a decoded object": {"spec.extra": {"@module": "subprocess", "@class": "Popen", "args": f"touch {marker}"}},
        "a background task": {"spec._background_tasks": [{"_fw_name": "BackgroundTask", "tasks": [script]}]},
        "a launch folder": {"spec._launch_dir": f"/tmp/$(touch {marker})"},
        "another spec": {"spec._tasks.0.request": '{"name": "job", "token": "t", "timeout": 60, "document": {"space": 1}}'},
        "another job's name": {"name": "other"},
    }


def lost(launcher, handle):
    until = time.monotonic() + PATIENCE
    while (status := launcher.poll([handle])[0]).state is not JobState.LOST:
        assert time.monotonic() < until, status
        launcher.wait([handle], 0.1)
    return status


@pytest.fixture
def idle(fireworks_site):
    """A site whose queue nobody fills yet, and its launcher."""
    site = fireworks_site()
    launcher = site.open()
    site.spool.create(pipes=False)
    prepare(launcher._launchpad)
    yield site, launcher
    launcher.stop()


def test_poisoned_documents_are_refused_before_they_are_decoded(idle, slurm, tmp_path):
    site, launcher = idle
    marker = tmp_path / "it-ran"
    for kind, update in poisons(marker).items():
        handle = launcher.submit(job(tmp_path))
        change = update if any(key.startswith("$") for key in update) else {"$set": update}
        assert launcher._launchpad.fireworks.update_one({"name": "job"}, change).modified_count == 1, kind
        launcher.start()
        status = lost(launcher, handle)
        assert status.reason in ("refused", "unknown_job"), kind
        launcher.stop()
        launcher.discard(handle)
        launcher._launchpad.fireworks.delete_many({})
        launcher._launchpad.workflows.delete_many({})
        launcher._over.clear()
    assert not marker.exists()
    assert not list((site.shared / "launches").glob("*/runner.json"))
    refused = site.cluster().workers.get("cluster").report["refused"]
    assert refused
    assert slurm.jobs() == {}


def test_a_request_that_is_not_the_one_in_the_job_s_folder_is_refused_on_the_node(idle, tmp_path):
    _, launcher = idle
    handle = launcher.submit(job(tmp_path))
    stored = launcher._launchpad.fireworks.find_one({"name": "job"})["spec"]["_tasks"][0]["request"]
    other = json.loads(stored)
    other["document"]["candidate"] = "c5"
    change = {"$set": {"spec._tasks.0.request": json.dumps(other)}}
    assert launcher._launchpad.fireworks.update_one({"name": "job"}, change).modified_count == 1
    launcher.start()
    status = lost(launcher, handle)
    assert (status.reason, "differs from that in its folder" in status.message) == ("refused", True)


def test_a_document_poisoned_after_it_was_submitted_is_refused_on_the_node(idle, slurm, tmp_path):
    _, launcher = idle
    slurm.run("scontrol", "update", "NodeName=n1,n2", "State=DRAIN", "Reason=test")
    handle = launcher.submit(job(tmp_path))
    launcher.start()
    slurm.wait_for(lambda: "PENDING" in slurm.jobs().values(), "the job waits in SLURM")
    marker = tmp_path / "it-ran"
    poison = {"$set": {"spec._tasks": [{"_fw_name": "ScriptTask", "script": f"touch {marker}", "use_shell": True}]}}
    assert launcher._launchpad.fireworks.update_one({"name": "job"}, poison).modified_count == 1
    slurm.run("scontrol", "update", "NodeName=n1,n2", "State=RESUME")
    status = lost(launcher, handle)
    assert status.reason == "refused"
    assert not marker.exists()
