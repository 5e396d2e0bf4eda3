import os
import time

import pytest

from tansaku.tasks.backends.launchers.launches import (
    LaunchFolder,
    LaunchOrder,
    Member,
    bundle_name,
    join_launch,
    launch_of_attempt,
    open_spool,
)
from tansaku.tasks.backends.launchers.retention import forget_campaign, sweep_launches

DAY = 86400.0


class Site:
    """A shared folder with launches of some age."""

    def __init__(self, folder):
        self.folder = folder

    def launch(self, *jobs, days, campaign="test"):
        """A launch that was over so many days ago, of jobs that lie in the campaign's spool."""
        spool = open_spool(self.folder, campaign)
        spool.create(pipes=False)
        launch = LaunchFolder.of(self.folder, bundle_name([campaign, *jobs]))
        launch.create()
        order = LaunchOrder(
            site="cluster",
            campaign=campaign,
            folder="/shared",
            mode="offline",
            database="launchpad",
            uri_file=None,
            members=tuple(Member(name=job, fw_id=1, launch_id=2) for job in jobs),
            heartbeat=1.0,
            kill_grace=1.0,
            patience=0.0,
            walltime=60.0,
        )
        launch.write("launch", order.model_dump(mode="json"))
        launch.write("exit", {"reason": "done"})
        for job in jobs:
            spool.add(job, {"name": job}, queue=False)
            join_launch(spool, self.folder, launch, job, "token")
        at = time.time() - days * DAY
        for path in (*launch.path.iterdir(), launch.path):
            os.utime(path, (at, at))
        return spool, launch


@pytest.fixture
def site(tmp_path):
    return Site(tmp_path)


def test_launches_that_are_old_and_whose_jobs_are_forgotten_go(site):
    spool, old = site.launch("a", "b", days=31)
    _, young = site.launch("c", days=29)
    for job in "abc":
        spool.remove(job)
    assert sweep_launches(site.folder, 30 * DAY, dry_run=True) == 1
    assert old.path.is_dir()
    assert launch_of_attempt(site.folder, "a", "token") == old
    assert sweep_launches(site.folder, 30 * DAY) == 1
    assert not old.path.exists()
    assert young.path.is_dir()
    assert launch_of_attempt(site.folder, "a", "token") is None
    assert launch_of_attempt(site.folder, "c", "token") == young
    assert [path.stem.split("-")[0] for path in (site.folder / "members").iterdir()] == ["c"]


def test_a_result_that_nobody_has_read_is_never_swept(site):
    spool, launch = site.launch("a", "b", days=1000)
    spool.finish("a", {"token": "token"})
    spool.lose("b", "walltime", "too long")
    assert sweep_launches(site.folder, DAY) == 0
    assert launch.path.is_dir()
    spool.remove("a")
    assert sweep_launches(site.folder, DAY) == 1


def test_a_job_that_is_not_over_keeps_its_launch(site):
    _, launch = site.launch("a", days=1000)
    assert sweep_launches(site.folder, DAY) == 0
    assert launch.path.is_dir()


def test_a_job_whose_node_was_lost_sight_of_goes_with_its_launch(site):
    spool, launch = site.launch("a", days=40)
    spool.lose("a", "node_fail", "out of sight", final=False)
    assert sweep_launches(site.folder, 30 * DAY) == 1
    assert not spool.folder("a").exists()
    assert not launch.path.exists()


def test_a_job_that_another_launch_does_is_not_this_one_s(site):
    spool, old = site.launch("a", days=40)
    other = LaunchFolder.of(site.folder, "other")
    other.create()
    join_launch(spool, site.folder, other, "a", "next")
    assert sweep_launches(site.folder, 30 * DAY) == 1
    assert not old.path.exists()
    assert spool.folder("a").is_dir()


def test_a_deleted_campaign_s_launches_go_at_once(site):
    _, mine = site.launch("a", days=0)
    _, other = site.launch("b", days=0, campaign="other")
    forget_campaign(site.folder, "test")
    assert not mine.path.exists()
    assert other.path.is_dir()


def test_a_folder_that_is_not_there_has_nothing_to_sweep(tmp_path):
    assert sweep_launches(tmp_path / "nowhere", DAY) == 0
