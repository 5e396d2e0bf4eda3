"""The campaign inside its Prefect flow: killed drivers, a killed server, a server that cannot start."""

import json
import os
import sys
import tempfile
from pathlib import Path

import pytest
from prefect.client.orchestration import get_client

from tansaku.flows.reconcile import reconcile_flow
from tansaku.flows.server import PrivatePrefect, client_settings
from tansaku.tasks.backends.stores.connection import open_database
from tests.support.warm_worker_server import FLOW_DRIVER
from tests.support.warm_workers import WarmProcess


@pytest.fixture(scope="module")
def private(prefect_database, require):
    """The private server that all campaigns of this file share."""
    require("prefect")
    with tempfile.TemporaryDirectory(prefix="tsk-", ignore_cleanup_errors=True) as home:
        server = PrivatePrefect.of(Path(home))
        prefect_database.put(server.folder)
        server.start()
        yield server
        server.stop()


class FlowDriver:
    """Runs ``flow_driver.py`` for a campaign, forked from a process in which Prefect is imported."""

    def __init__(self, campaign, private, forks):
        self.campaign, self.forks = campaign, forks
        (campaign.folder / "home").mkdir(exist_ok=True)
        (campaign.folder / "home" / "prefect").symlink_to(private.folder.parent)
        self.site = campaign.folder / "site.yaml"
        timing = "{lease: 20, heartbeat: 0.2, poll: 0.05}"
        database = f"{{name: {campaign.database}}}"
        self.site.write_text(
            f"schema_version: 1\nlauncher: {{type: local, workers: 2}}\ndatabase: {database}\ntiming: {timing}\n"
        )

    def __call__(self, **options):
        request = self.campaign.request(site=str(self.site), **options)
        home = Path(request["home"])
        environment = os.environ | {"TANSAKU_HOME": str(home), "TANSAKU_MONGO_URI": self.campaign.uri}
        for name in ("PREFECT_HOME", "PREFECT_API_URL"):
            environment.pop(name, None)
        output = home.with_name("flow.log")
        command = [sys.executable, "-P", "-m", FLOW_DRIVER, json.dumps(request)]
        with output.open("a") as stream, Path(os.devnull).open() as nothing:
            streams = (nothing.fileno(), stream.fileno(), stream.fileno())
            status = WarmProcess(self.forks.address, command, streams, environment).wait(240)
        if status < 0:
            return {"signal": -status}
        assert status == 0, output.read_text()[-3000:]
        return json.loads(Path(request["out"]).read_text())


@pytest.fixture
def flow_driver(private, warm_services):
    """``flow_driver(campaign)``."""
    return lambda campaign: FlowDriver(campaign, private, warm_services)


def states(private):
    """States of all flow runs of the server, oldest first."""
    with client_settings(private.start()), get_client(sync_client=True) as client:
        runs = client.read_flow_runs()
    return [run.state.name for run in sorted(runs, key=lambda run: run.created)]


def test_driver_killed_in_its_flow_resumes_on_the_same_server(make_campaign, undisturbed, flow_driver, private):
    facts, observed = undisturbed()
    campaign = make_campaign()
    drive = flow_driver(campaign)
    before, server = len(states(private)), private.start().identity
    assert drive(kill={"method": "CampaignStore.accept_outcome", "when": "before", "call": 3}) == {"signal": 9}
    assert not private.is_driven()
    assert states(private)[before:] == ["Running"]
    assert drive()["reason"] == "evaluations"
    # A killed driver's run is closed by the next driver.
    assert states(private)[before:] == ["Crashed", "Completed"]
    assert list((private.folder / "drivers").iterdir()) == []
    assert private.start().identity == server
    assert campaign.facts() == facts
    assert campaign.observed() == observed


def test_server_that_dies_in_the_middle_does_not_stop_the_campaign(make_campaign, undisturbed, flow_driver):
    facts, _ = undisturbed()
    campaign = make_campaign()
    assert flow_driver(campaign)(kill_server_at=6)["reason"] == "evaluations"
    assert campaign.facts() == facts


def test_server_that_cannot_start_is_an_error_and_nothing_is_done(make_campaign, flow_driver):
    campaign = make_campaign()
    drive = flow_driver(campaign)
    (campaign.folder / "home" / "prefect").unlink()
    (PrivatePrefect.of(campaign.folder / "home").folder / "prefect.db").mkdir(parents=True)
    answer = drive()
    assert answer["error"] == "TransientError"
    assert "--plain" in answer["message"]
    assert campaign.store.campaign("small").last_number == 0


def test_reconcile_flow_makes_lost_observations_again(private, make_campaign, undisturbed, flow_driver, monkeypatch):
    _, observed = undisturbed()
    campaign = make_campaign()
    campaign.drive()
    site = flow_driver(campaign).site
    monkeypatch.setenv("TANSAKU_HOME", str(campaign.folder / "home"))
    monkeypatch.setenv("TANSAKU_MONGO_URI", campaign.uri)
    database = open_database(campaign.uri, campaign.database)
    database["observations"].delete_many({"number": {"$gt": 5}})
    database.client.close()
    with client_settings(private.start()):
        expected = reconcile_flow(["small"], dry_run=True, site=str(site))
        assert len(campaign.observed()) < len(observed)
        report = reconcile_flow(["small"], site=str(site))
    assert (expected["dry_run"], report["dry_run"]) == (True, False)
    assert report["campaigns"]["small"]["observations_rebuilt"] == 7
    assert campaign.observed() == observed
