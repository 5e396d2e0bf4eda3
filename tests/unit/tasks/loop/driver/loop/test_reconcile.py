"""Reconciling campaigns of a site without a cluster, and what its report says."""

import pytest

from tansaku.models.domain.errors import NotFoundError
from tansaku.tasks.act.commands.reconcile import ReconciledCampaign, ReconcileReport, reconcile
from tansaku.tasks.backends.launchers.reconciler import Discrepancy


def test_what_is_derived_comes_back_and_then_everything_agrees(open_bench):
    bench = open_bench.driven()
    before = bench.store.observations("small")
    bench.store._observations.clear()
    assert reconcile(bench.resources, dry_run=True).describe() == ["everything agrees"]
    assert bench.store.observations("small") == []
    report = reconcile(bench.resources)
    assert report.campaigns["small"].observations_rebuilt == 20
    assert report.describe() == ["small: 20 observations rebuilt"]
    assert bench.store.observations("small") == before
    assert reconcile(bench.resources).describe() == ["everything agrees"]


def test_a_campaign_that_is_driven_is_left_to_its_driver(open_bench):
    bench = open_bench()
    seen = {}

    def look():
        bench.store._observations.clear()
        seen.update(reconcile(bench.resources).campaigns)

    bench.drive(at={5: look})
    assert seen == {"small": ReconciledCampaign(driven=True)}


def test_a_name_that_is_none_is_refused_before_anything_is_done(open_bench):
    bench = open_bench.driven()
    bench.store._observations.clear()
    with pytest.raises(NotFoundError, match="nobody"):
        reconcile(bench.resources, ["small", "nobody"])
    assert bench.store.observations("small") == []


def test_the_report_says_what_was_done_and_what_was_left():
    found = (
        Discrepancy(case="walltime", subject="job-1", says="SLURM says TIMEOUT", done="given up"),
        Discrepancy(case="no_firework", subject="job-2", says="it is not there", hint="submit it"),
    )
    campaigns = {"a": ReconciledCampaign(adopted=("c", "d"), aside=("e",)), "b": ReconciledCampaign(problem="no table")}
    report = ReconcileReport(dry_run=False, discrepancies=found, campaigns=campaigns, launches_swept=3, artifacts_swept=1)
    assert report.describe() == [
        "walltime: job-1: SLURM says TIMEOUT; given up",
        "no_firework: job-2: it is not there; submit it",
        "a: 2 results adopted, 1 late result stored as unused",
        "b: no table",
        "folders of old jobs deleted: 3",
        "unreferenced stored files deleted: 1",
    ]
    dry = report.model_copy(update={"dry_run": True, "artifacts_swept": 0}).describe()
    assert dry[0] == "walltime: job-1: SLURM says TIMEOUT; would be given up"
    assert dry[2] == "a: would be: 2 results adopted, 1 late result stored as unused"
