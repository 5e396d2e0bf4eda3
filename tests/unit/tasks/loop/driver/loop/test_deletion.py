"""Deleting a campaign: what is said, what forbids it, what goes and what stays."""

import os
from dataclasses import replace

import pytest

from tansaku.models.domain.errors import LeaseHeldError, NotFoundError, StoreError
from tansaku.models.domain.specs.site import SiteSpec
from tansaku.tasks.act.commands import delete as deletion
from tansaku.tasks.act.commands.create import prepare_campaign
from tansaku.tasks.act.commands.delete import delete_campaign, plan_deletion
from tansaku.tasks.ground.site.processes import this_driver
from tansaku.tasks.read.views.status import campaign_status
from tests.support.actors import ADA


@pytest.fixture
def finished(open_bench):
    """A finished campaign whose evaluations name files, with a spool folder."""
    bench = open_bench(budget={"evaluations": 4})
    bench.keep_structures()
    bench.drive()
    (bench.resources.job_folder(bench.record().id) / "logs").mkdir(parents=True)
    return bench


def test_says_what_goes_and_how_to_keep_it(finished):
    plan = plan_deletion(finished.resources, "small")
    assert (plan.evaluations, plan.done, plan.artifacts, plan.begun) == (4, 4, 4, False)
    assert plan.events == len(finished.store.events("small"))
    said = plan.describe()
    for part in ("4 evaluations, 4 with a value", str(plan.spool), "tansaku export small --observations FILE"):
        assert part in said
    assert len(finished.store.evaluations("small")) == 4


def test_everything_goes_and_the_name_is_free(finished, monkeypatch):
    files = {one.outcome.artifacts["structure"] for one in finished.store.evaluations("small")}
    keep = finished.folder / "kept"
    keep.write_text("of another campaign, just stored")
    kept = finished.resources.artifacts.put(keep)
    assert delete_campaign(finished.resources, ADA, "small") == 0  # too young to be swept
    assert all(finished.resources.artifacts.exists(one) for one in files)
    assert finished.store.campaign_names() == []
    assert not any((finished.folder / "spool").glob("*"))
    with pytest.raises(NotFoundError):
        plan_deletion(finished.resources, "small")
    monkeypatch.setattr(deletion, "ARTIFACT_AGE", -1.0)
    loaded = finished.loaded()
    prepare_campaign(finished.resources, ADA, loaded)
    finished.drive()
    assert len(finished.sequence()) == 4
    delete_campaign(finished.resources, ADA, "small")
    assert not any(finished.resources.artifacts.exists(one) for one in (*files, kept))


def test_a_live_driver_forbids_it(finished):
    lease = finished.store.acquire_lease("small", this_driver(), 60.0)
    with pytest.raises(LeaseHeldError, match=str(os.getpid())):
        plan_deletion(finished.resources, "small")
    with pytest.raises(LeaseHeldError):
        delete_campaign(finished.resources, ADA, "small")
    finished.store.release_lease(lease)
    assert plan_deletion(finished.resources, "small").evaluations == 4


def test_living_jobs_forbid_it_until_they_are_cancelled(open_bench):
    bench = open_bench()
    bench.drive(halt_at=8)
    for name in bench.launcher.polls:
        bench.launcher.polls[name] = 1000
    with pytest.raises(LeaseHeldError, match=r"jobs that are queued or running(.|\n)*tansaku cancel small"):
        plan_deletion(bench.resources, "small")
    bench.command("cancel")
    assert bench.drive().reason == "cancelled"
    plan_deletion(bench.resources, "small")
    delete_campaign(bench.resources, ADA, "small")
    assert bench.store.campaign_names() == []


@pytest.mark.parametrize("method", ["begin_deletion", "delete_campaign"])
@pytest.mark.parametrize("after", [False, True])
def test_killed_on_its_way_it_is_finished_by_the_same_command(finished, method, after):
    real = getattr(finished.store, method)

    def killed(name):
        if after:
            real(name)
        raise KeyboardInterrupt

    setattr(finished.store, method, killed)
    with pytest.raises(KeyboardInterrupt):
        delete_campaign(finished.resources, ADA, "small")
    setattr(finished.store, method, real)
    if finished.store.campaign_names():
        if finished.record().deleting:
            begun = plan_deletion(finished.resources, "small")
            assert begun.begun
            assert begun.begun_by == ("" if method == "begin_deletion" else "ada (test)")
            assert ("an earlier deletion by ada (test) was interrupted" in begun.describe()) == bool(begun.begun_by)
            assert "tansaku delete small" in campaign_status(finished.store, "small").problem
            with pytest.raises(StoreError, match="being deleted"):
                prepare_campaign(finished.resources, ADA, finished.loaded())
            with pytest.raises(StoreError, match="being deleted"):
                finished.drive()
        delete_campaign(finished.resources, ADA, "small")
    assert finished.store.campaign_names() == []
    assert not any((finished.folder / "spool").glob("*"))


def test_a_folder_that_cannot_be_deleted_is_said_and_the_campaign_stays_marked(finished, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(deletion.shutil, "rmtree", refuse)
    with pytest.raises(StoreError, match="cannot be deleted: Permission denied"):
        delete_campaign(finished.resources, ADA, "small")
    assert finished.record().deleting
    monkeypatch.undo()
    delete_campaign(finished.resources, ADA, "small")
    assert finished.store.campaign_names() == []


def test_on_a_cluster_the_shared_folder_is_meant(finished, tmp_path):
    site = SiteSpec.model_validate({"launcher": {"type": "fireworks", "folder": str(tmp_path / "shared")}})
    own = finished.resources.job_folder(finished.record().id)
    jobs = tmp_path / "shared" / "spool" / own.name
    jobs.mkdir(parents=True)
    resources = replace(finished.resources, site=site)
    assert plan_deletion(resources, "small").spool == jobs
    delete_campaign(resources, ADA, "small")
    assert not jobs.exists()
    assert own.exists()
