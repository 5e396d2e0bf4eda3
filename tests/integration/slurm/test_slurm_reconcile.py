"""`tansaku reconcile` on the real SLURM: what became of jobs while nobody looked, with SLURM's accounting and without."""

import json
import os
import shutil
import signal
import time

import pytest

from tansaku.models.domain.ports import JobRequest
from tansaku.models.domain.states import JobState
from tansaku.tasks.backends.launchers.launches import launch_of
from tansaku.tasks.node.jobs.document import JobDocument
from tansaku.tasks.node.jobs.spool_files import read_json
from tests.support.workers import computing

PATIENCE = 240.0
SILENCE = 2.0


@pytest.fixture
def accounting():
    """Whether SLURM keeps accounts; a test's parameter takes its place."""
    return False


@pytest.fixture
def slurm(accounting, request):
    cluster = request.getfixturevalue("accounting_slurm_cluster" if accounting else "slurm_cluster")
    cluster.make_ready()
    return cluster


class Site:
    """Jobs of a site that nobody looks after, and what reconciling says of them."""

    def __init__(self, backend, slurm, folder):
        self.backend, self.slurm, self.folder = backend, slurm, folder
        self.cluster = backend.cluster()
        self.launcher = self.cluster.launcher("test")
        self.spool = backend.spool

    def submit(self, *names):
        """Hands endless jobs to SLURM and leaves."""
        space = {
            "type": "grain_boundary",
            "crystal": {"structure": "fcc", "element": "Cu", "lattice_parameter": 3.6},
            "boundaries": {"planes": [[1, 1, 2]]},
            "translation": {"normal": [0.2], "in_plane": [0.0], "along_axis": [0.0]},
            "removed_planes": [1],
            "spacing": 400.0,
        }
        calculator = {"type": "ase", "name": "emt", "relaxation": {"fmax": 1e-13, "max_steps": 1_000_000, "cell": "normal"}}
        document = JobDocument(
            campaign="test",
            candidate="s003-112-r1-x000-y000-z020",
            space=space,
            calculator=calculator,
            base_path=str(self.folder),
        )
        self.launcher.start()
        for name in names:
            request = JobRequest(name=name, token=f"of {name}", document=document.model_dump(mode="json"), timeout=600.0)
            self.launcher.submit(request)
        self.wait(lambda: all(self.launched(name) for name in names))
        self.launcher.stop()

    def run(self, *names):
        """The same, and waits until all of them compute."""
        self.submit(*names)
        handles = [{"type": "fireworks", "name": name} for name in names]
        self.wait(lambda: {status.state for status in self.launcher.poll(handles)} == {JobState.RUNNING})

    def launched(self, name):
        launch = launch_of(self.spool, self.backend.shared, name)
        return launch is not None and launch.read("submitted") is not None

    def launch(self, name):
        return launch_of(self.spool, self.backend.shared, name)

    def unsay(self, name):
        """Takes away what a node wrote when its job was ended, as if the shared folder had been out of its reach."""
        self.wait(lambda: not self.backend.processes())
        self.spool.folder(name).joinpath("lost.json").unlink()

    def stop_processes(self, name):
        """Stops what computes a job and its supervisor."""
        supervisor = self.backend.supervisor(self.launch(name).path.name)
        supervisor.suspend()
        os.kill(computing(self.spool.claimed(name).pid), signal.SIGSTOP)
        return supervisor

    def reconcile(self, *, dry_run=False, filled=False):
        from tansaku.tasks.backends.launchers.reconciler import Reconciler

        cluster = self.cluster
        found = Reconciler(cluster.spec, cluster.launchpad, cluster.slurm, filled=filled, dry_run=dry_run).run()
        return {(one.case, one.subject): bool(one.done) for one in found}

    def settled(self):
        """What is certain after a second look."""
        first = self.reconcile()
        assert not any(first.values()), first
        until = time.monotonic() + 1.2 * SILENCE
        self.wait(lambda: time.monotonic() > until)
        certain = dict.fromkeys(first, True)
        assert self.reconcile(dry_run=True) == certain
        assert not list(self.spool.root.glob("jobs/*/lost.json"))
        assert self.reconcile() == certain
        assert self.reconcile() == {}
        return set(first)

    def reason(self, name):
        return (read_json(self.spool.folder(name) / "lost.json") or {}).get("reason")

    def wait(self, condition):
        until = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < until
            time.sleep(0.05)


@pytest.fixture
def make_site(fireworks_site, slurm, tmp_path):
    opened = []

    def make(**keys):
        opened.append(Site(fireworks_site(silence=SILENCE, **keys), slurm, tmp_path))
        return opened[-1]

    yield make
    for site in opened:
        site.launcher.stop()


def drain(slurm):
    slurm.run("scontrol", "update", "NodeName=n1,n2", "State=DRAIN", "Reason=test")


def test_a_process_that_is_gone_and_a_job_cancelled_by_hand(make_site, slurm):
    site = make_site()
    site.run("killed", "cancelled")
    assert site.reconcile(dry_run=True) == {}
    worker = site.spool.claimed("killed").pid
    site.stop_processes("killed").kill()
    os.kill(worker, signal.SIGKILL)
    name = site.launch("cancelled").name
    slurm.run("scancel", f"--name={name}")
    slurm.wait_for(lambda: slurm.jobs().get(name) == "CANCELLED", "the job is cancelled")
    slurm.wait_for(lambda: slurm.jobs().get(site.launch("killed").name) == "FAILED", "the other one has failed")
    site.unsay("cancelled")
    assert site.settled() == {("worker_died", "killed"), ("cancelled", "cancelled")}
    assert (site.reason("killed"), site.reason("cancelled")) == ("worker_died", "cancelled")


@pytest.mark.parametrize("accounting", [False, True], ids=["without", "with"])
def test_walltime_and_a_job_that_slurm_has_forgotten(make_site, slurm, accounting):
    site = make_site()
    site.run("overdue")
    launch = site.launch("overdue")
    number = launch.read("submitted")["number"]
    slurm.run("scontrol", "update", f"JobId={number}", "EndTime=now+2")
    slurm.wait_for(lambda: slurm.jobs().get(launch.name) == "TIMEOUT", "SLURM ends the job at its time limit")
    site.unsay("overdue")
    (case,) = site.reconcile(dry_run=True)
    assert case == ("walltime", "overdue")
    slurm.forget_jobs()
    # Without accounts nobody knows any more why it ended.
    assert site.settled() == {("walltime" if accounting else "vanished", "overdue")}
    assert site.reason("overdue") == ("walltime" if accounting else "worker_died")


@pytest.mark.parametrize("accounting", [True], ids=["with"])
def test_a_job_that_slurm_ended_for_its_memory(make_site, slurm):
    site = make_site(resources={"memory": "60M"})
    site.submit("large")
    launch = site.launch("large")
    slurm.wait_for(lambda: slurm.jobs().get(launch.name) not in ("PENDING", "RUNNING", "COMPLETING"), "SLURM ends the job")
    assert site.settled() == {("out_of_memory", "large")}
    assert site.reason("large") == "out_of_memory"


def test_a_silent_job_that_slurm_calls_running_is_reported_and_left(make_site):
    site = make_site()
    site.run("stopped")
    supervisor = site.stop_processes("stopped")
    assert site.reconcile() == {}
    until = time.monotonic() + 1.2 * SILENCE
    site.wait(lambda: time.monotonic() > until)
    assert site.reconcile() == {("no_heartbeat", "stopped"): False}
    assert site.reason("stopped") is None
    supervisor.resume()


def test_notes_that_were_not_written_reservations_and_jobs_nobody_needs(make_site, slurm):
    site = make_site()
    drain(slurm)
    site.submit("unrecorded", "needless", "waiting")
    site.launch("unrecorded").path.joinpath("submitted.json").unlink()
    site.spool.lose("needless", "cancelled", "by a test")
    fireworks = site.cluster.launchpad.fireworks
    from tansaku.tasks.backends.launchers.fireworks_documents import task_document
    from tansaku.tasks.backends.launchers.launchpad import add_job

    for name in ("reserved", "forgotten"):
        stored = read_json(site.spool.folder("waiting") / "request.json") | {"name": name}
        site.spool.add(name, stored, queue=False)
        add_job(site.cluster.launchpad, "cluster", task_document("test", stored, site.spool.folder(name) / "request.json"))
    fireworks.update_one({"name": "reserved"}, {"$set": {"state": "RESERVED"}})
    site.spool.remove("forgotten")
    site.spool.add("alone", {"name": "alone"}, queue=False)
    needless = site.launch("needless").name
    expected = {
        ("submission_not_recorded", "unrecorded"): True,
        ("reserved_without_launch", "reserved"): True,
        ("needless_job", needless): True,
        ("firework_without_job", "forgotten"): False,
        ("no_firework", "alone"): False,
    }
    before = json.dumps(sorted((one["name"], one["state"]) for one in fireworks.find()))
    assert site.reconcile(dry_run=True) == expected
    assert json.dumps(sorted((one["name"], one["state"]) for one in fireworks.find())) == before
    assert not site.launched("unrecorded")
    assert slurm.jobs()[needless] == "PENDING"
    assert site.reconcile() == expected
    assert site.launched("unrecorded")
    assert fireworks.find_one({"name": "reserved"})["state"] == "READY"
    slurm.wait_for(lambda: slurm.jobs()[needless] == "CANCELLED", "the needless job is out of the queue")
    assert site.reconcile() == {key: done for key, done in expected.items() if not done}


def test_results_that_came_while_no_driver_lived_are_adopted_once(make_campaign, tmp_path):
    campaign = make_campaign()
    driver = campaign.start()
    job, pid = campaign.hold_one()
    campaign.wait_for(lambda: len(campaign.observed()) == 1)
    driver.kill()
    driver.wait()
    os.kill(pid, signal.SIGCONT)
    campaign.wait_for(lambda: campaign.spool.is_over(job))
    assert "would be: 1 result adopted" in campaign.say("reconcile", "--dry-run")
    assert len(campaign.observed()) == 1
    kept = tmp_path / "kept"
    shutil.copytree(campaign.spool.folder(job), kept)
    assert "1 result adopted" in campaign.say("reconcile")
    observed = campaign.observed()
    assert len(observed) == 2
    # As if whoever adopted it had been killed before he could forget the job: it has finished twice.
    shutil.copytree(kept, campaign.spool.folder(job))
    assert "everything agrees" in campaign.say("reconcile")
    assert not campaign.spool.folder(job).exists()
    assert campaign.observed() == observed
    campaign.drive()
    assert campaign.observed() == observed
    assert campaign.runs() == 2
    report = json.loads(campaign.say("reconcile", "--json", "small"))
    assert report["campaigns"]["small"]["adopted"] == report["discrepancies"] == []
