"""The queue filler: what is half done is finished, no more is submitted than allowed, refusals are said."""

import time

import pytest

from tansaku.models.domain.ports import JobRequest
from tansaku.models.domain.states import JobState
from tansaku.tasks.backends.launchers.launchpad import prepare
from tansaku.tasks.node.jobs.document import JobDocument
from tests.support.campaign_files import table_space

PATIENCE = 120.0


@pytest.fixture
def request_for(tmp_path):
    """Requests of jobs that look a value up."""
    (tmp_path / "table.csv").write_text("id,x,value\n" + "".join(f"c{k},{k},{k * 0.1}\n" for k in range(9)))
    space = table_space("table.csv", {"id": "id", "value": "value"}, {"x": {"columns": ["x"]}})
    document = JobDocument(campaign="test", candidate="c3", space=space, base_path=str(tmp_path)).model_dump(mode="json")

    def make(name="job", cost=0.0):
        return JobRequest(name=name, token="t", document=document, timeout=60.0, cost=cost)

    return make


@pytest.fixture
def idle(fireworks_site):
    """A launcher whose queue nobody fills before it is started, by keys of the site file."""
    opened = []

    def make(**keys):
        site = fireworks_site(**keys)
        site.spool.create(pipes=False)
        opened.append(site.open())
        prepare(opened[-1]._launchpad)
        return site, opened[-1]

    yield make
    for launcher in opened:
        launcher.stop()


def awaited(launcher, handle, *states):
    until = time.monotonic() + PATIENCE
    while (status := launcher.poll([handle])[0]).state not in states:
        assert time.monotonic() < until, status
        launcher.wait([handle], 0.1)
    return status


def drain(slurm):
    slurm.run("scontrol", "update", "NodeName=n1,n2", "State=DRAIN", "Reason=test")


def states(launcher):
    return sorted(one["state"] for one in launcher._launchpad.fireworks.find({}, {"state": 1}))


def test_no_more_jobs_wait_in_slurm_than_the_site_allows(idle, request_for, slurm):
    _, launcher = idle(max_queued=2)
    drain(slurm)
    handles = [launcher.submit(request_for(f"job-{k}")) for k in range(3)]
    launcher.start()
    slurm.wait_for(lambda: len(slurm.jobs()) == 2, "two jobs are in SLURM")
    for _ in range(5):
        launcher._filling.nudge()
        launcher.wait(handles, 0.3)
    assert len(slurm.jobs()) == 2
    assert states(launcher) == ["READY", "RESERVED", "RESERVED"]
    slurm.run("scontrol", "update", "NodeName=n1,n2", "State=RESUME")
    assert [awaited(launcher, handle, JobState.FINISHED, JobState.LOST).state for handle in handles] == [JobState.FINISHED] * 3


def test_a_reservation_without_a_launch_is_put_back(idle, request_for):
    _, launcher = idle()
    handle = launcher.submit(request_for())
    launcher._launchpad.fireworks.update_one({"name": "job"}, {"$set": {"state": "RESERVED"}})
    launcher.start()
    assert awaited(launcher, handle, JobState.FINISHED, JobState.LOST).state is JobState.FINISHED


def test_a_job_that_cannot_be_launched_does_not_stand_in_the_way(idle, request_for):
    _, launcher = idle(max_queued=1)
    forgotten = launcher.submit(request_for("forgotten"))
    launcher._spool.remove(forgotten["name"])
    handle = launcher.submit(request_for())
    launcher.start()
    assert awaited(launcher, handle, JobState.FINISHED, JobState.LOST).state is JobState.FINISHED


def test_a_firework_that_was_half_added_is_made_whole(idle, request_for):
    _, launcher = idle()
    launcher.submit(request_for())
    launcher._launchpad.workflows.delete_many({})
    assert launcher.find("job") is None
    handle = launcher.submit(request_for())
    launcher.start()
    assert awaited(launcher, handle, JobState.FINISHED, JobState.LOST).state is JobState.FINISHED
    assert launcher._launchpad.fireworks.count_documents({}) == 1


def test_a_job_that_slurm_refuses_says_why(idle, request_for):
    _, launcher = idle(resources={"partition": "nowhere"})
    handle = launcher.submit(request_for())
    launcher.start()
    status = awaited(launcher, handle, JobState.LOST)
    assert status.reason == "rejected"
    assert "invalid partition" in status.message


def test_a_firework_taken_out_by_hand_is_noticed(idle, request_for, slurm):
    _, launcher = idle(max_queued=1)
    drain(slurm)
    first, second = (launcher.submit(request_for(name)) for name in ("first", "second"))
    launcher.start()
    slurm.wait_for(lambda: len(slurm.jobs()) == 1, "one job is in SLURM")
    assert launcher.poll([second])[0].state is JobState.QUEUED
    launcher._launchpad.fireworks.delete_one({"name": "second"})
    assert awaited(launcher, second, JobState.LOST).reason == "unknown_job"
    assert launcher.poll([first])[0].state is JobState.QUEUED


def test_what_slurm_says_of_a_waiting_job_is_passed_on(idle, request_for, slurm):
    _, launcher = idle()
    drain(slurm)
    handle = launcher.submit(request_for())
    launcher.start()
    slurm.wait_for(lambda: "PENDING" in slurm.jobs().values(), "the job waits")
    until = time.monotonic() + PATIENCE
    while "SLURM" not in launcher.poll([handle])[0].message:
        assert time.monotonic() < until
        launcher.wait([handle], 0.2)


def test_resources_are_those_of_the_job_s_class(idle, request_for, slurm):
    classes = [{"calculator": "table", "cost_above": 10, "resources": {"memory": "300M", "walltime": 600}}]
    _, launcher = idle(resources={"memory": "200M", "walltime": 300}, classes=classes)
    drain(slurm)
    for name, cost in (("small", 10.0), ("large", 11.0)):
        launcher.submit(request_for(name, cost))
    launcher.start()
    slurm.wait_for(lambda: len(slurm.jobs()) == 2, "both jobs are in SLURM")
    lines = slurm.run("squeue", "--noheader", "--format=%j %m %l").splitlines()
    asked = {line.split()[0].rsplit("-", 1)[0]: line.split()[1:] for line in lines}
    assert asked == {"small": ["200M", "5:00"], "large": ["300M", "10:00"]}
