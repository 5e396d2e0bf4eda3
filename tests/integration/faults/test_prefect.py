"""The campaign inside its Prefect flow: killed drivers, a killed server, a server that cannot start."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tansaku.flows.reconcile import reconcile_flow
from tansaku.flows.server import StartingServer, client_settings, free_folder
from tansaku.tasks.backends.stores.connection import open_database
from tansaku.tasks.ground.site.processes import find_process


@pytest.fixture(scope="module")
def server(tmp_path_factory, prefect_database, require):
    """A server of this file's; its database spares the other servers the migrations."""
    require("prefect")
    root = tmp_path_factory.mktemp("prefect")
    prefect_database.put(root / "0")
    starting = StartingServer.temporary(root)
    running = starting.ready()
    prefect_database.keep(root / "0")
    yield running
    starting.stop()


class FlowDriver:
    """Runs ``flow_driver.py`` for a campaign."""

    def __init__(self, campaign, prefect_database):
        self.campaign = campaign
        prefect_database.put(campaign.folder / "home" / "prefect" / "0")
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
        with output.open("a") as stream:
            done = subprocess.run(
                [sys.executable, str(Path(__file__).with_name("flow_driver.py")), json.dumps(request)],
                env=environment,
                stdout=stream,
                stderr=stream,
                timeout=240,
                check=False,
            )
        if done.returncode < 0:
            return {"signal": -done.returncode}
        assert done.returncode == 0, output.read_text()[-3000:]
        return json.loads(Path(request["out"]).read_text())

    def server_is_gone(self):
        server = self.campaign.store.campaign("small").runtime["helpers"]["prefect_server"]
        return find_process(server["pid"], server["started"]) is None


@pytest.fixture
def flow_driver(server, prefect_database):
    """``flow_driver(campaign)``."""
    return lambda campaign: FlowDriver(campaign, prefect_database)


def test_driver_killed_in_its_flow_three_times_takes_its_server_along_and_resumes(make_campaign, undisturbed, flow_driver):
    facts, observed = undisturbed()
    campaign = make_campaign()
    drive = flow_driver(campaign)
    kills = [
        ("CampaignStore.accept_outcome", "before"),
        ("Launcher.submit", "after"),
        ("CampaignStore.insert_proposal", "after"),
    ]
    for method, when in kills:
        assert drive(kill={"method": method, "when": when, "call": 3}) == {"signal": 9}
        campaign.wait_for(drive.server_is_gone, 30.0)
    assert drive()["reason"] == "evaluations"
    assert drive.server_is_gone()
    assert campaign.facts() == facts
    assert campaign.observed() == observed


def test_server_that_dies_in_the_middle_does_not_stop_the_campaign(make_campaign, undisturbed, flow_driver):
    facts, _ = undisturbed()
    campaign = make_campaign()
    assert flow_driver(campaign)(kill_server_at=6)["reason"] == "evaluations"
    assert campaign.facts() == facts


def test_server_that_cannot_start_is_an_error_and_nothing_is_done(make_campaign, flow_driver):
    campaign = make_campaign()
    (campaign.folder / "home" / "prefect" / "0" / "prefect.db").mkdir(parents=True)
    answer = flow_driver(campaign)()
    assert answer["error"] == "TransientError"
    assert "--plain" in answer["message"]
    assert campaign.store.campaign("small").last_number == 0


def ask(server, user=None):
    request = urllib.request.Request(server.api_url + "/flows/count", data=b"{}", headers={"Content-Type": "application/json"})
    if user is not None:
        request.add_header("Authorization", "Basic " + base64.b64encode(user.encode()).decode())
    with urllib.request.urlopen(request, timeout=30) as answer:
        return answer.status


def test_server_answers_its_driver_alone(server):
    assert server.api_url.startswith("http://127.0.0.1:")
    assert ask(server, server.auth) == 200
    for user in (None, "tansaku:guess"):
        with pytest.raises(urllib.error.HTTPError, match="401"):
            ask(server, user)


def test_reconcile_flow_makes_lost_observations_again(server, make_campaign, undisturbed, flow_driver, monkeypatch):
    _, observed = undisturbed()
    campaign = make_campaign()
    campaign.drive()
    site = flow_driver(campaign).site
    monkeypatch.setenv("TANSAKU_HOME", str(campaign.folder / "home"))
    monkeypatch.setenv("TANSAKU_MONGO_URI", campaign.uri)
    database = open_database(campaign.uri, campaign.database)
    database["observations"].delete_many({"number": {"$gt": 5}})
    database.client.close()
    with client_settings(server):
        expected = reconcile_flow(["small"], dry_run=True, site=str(site))
        assert len(campaign.observed()) < len(observed)
        report = reconcile_flow(["small"], site=str(site))
    assert (expected["dry_run"], report["dry_run"]) == (True, False)
    assert report["campaigns"]["small"]["observations_rebuilt"] == 7
    assert campaign.observed() == observed


def test_folders_are_used_again_and_never_by_two_servers(tmp_path):
    first, lock = free_folder(tmp_path)
    second, other = free_folder(tmp_path)
    assert (first.name, second.name) == ("0", "1")
    os.close(lock)
    again, lock = free_folder(tmp_path)
    assert again == first
    for descriptor in (lock, other):
        os.close(descriptor)
