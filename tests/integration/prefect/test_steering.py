"""Cancel, pause and resume on Prefect's page, after restarts too, and deployments of an older version."""

from __future__ import annotations

import os
import time
import urllib.error
from datetime import UTC, datetime

import pytest

from tansaku.flows.engines import is_alive
from tansaku.flows.names import RECONCILE
from tansaku.models.domain.records import Command
from tansaku.tasks.backends.resources import open_resources
from tansaku.tasks.ground.settings import Settings
from tansaku.tasks.loop.driver.loop import CampaignLoop
from tansaku.tasks.node.configuration.campaign_files import load_site

LONG = {"evaluations": 500}


@pytest.fixture
def begin(shared_service, campaign_document, wait_for):
    """``begin(name)``: a run of a campaign of some minutes, running whatever is done to it; the tests share a service."""
    space = campaign_document["space"]
    shifts = {"normal": [0.0, 0.2, 0.4], "in_plane": {"step": 0.2}, "along_axis": {"step": 0.2}}
    document = campaign_document | {"space": space | {"translation": shifts}, "budget": LONG}

    def launch(name):
        run = shared_service.launch("campaign", campaign=document | {"name": name})
        observed(shared_service, wait_for, name, 1)
        return run

    return launch


def command(service, name, kind, **payload):
    """What `tansaku KIND NAME` stores."""
    number = len(service.store.campaign(name).commands)
    service.store.add_command(name, Command(id=f"{kind}-{number}", kind=kind, payload=payload, created_at=datetime.now(UTC)))


def observed(service, wait_for, name, count):
    def enough():
        return name in service.store.campaign_names() and len(service.store.observations(name)) >= count

    wait_for(enough, f"{count} observations\n{service.said()[-3000:]}")


def cancel(service, wait_for, name, run, signals=0):
    """What the page's button does; the driver ends softly, also when more than one signal reaches it."""
    engine = wait_for(lambda: service.engine(run), "the run has a process")
    service.server.ask("POST", f"/flow_runs/{run}/set_state", {"state": {"type": "CANCELLING", "name": "Cancelling"}})
    for _ in range(signals):
        engine.terminate()
        time.sleep(0.1)  # equal signals that wait for a process are one: it must have time to take each
    assert service.wait_for_end(run)["type"] == "CANCELLED"
    wait_for(lambda: not is_alive(engine), "its process ends")
    assert service.store.campaign(name).lease is None
    return service.run(run)["state"]


def test_cancelling_works_after_the_server_was_restarted(shared_service, begin, wait_for):
    run = begin("restarted-server")
    shared_service.server.kill()
    shared_service.server.start()
    state = cancel(shared_service, wait_for, "restarted-server", run, signals=3)
    assert "interrupted after proposal" in state["message"]


def test_cancelling_works_after_the_service_was_restarted(shared_service, begin, wait_for):
    run = begin("restarted-service")
    shared_service.kill()
    said = len(shared_service.said())
    shared_service.start("--reconcile", "never")
    assert "restarting" not in shared_service.said()[said:]
    assert "interrupted after proposal" in cancel(shared_service, wait_for, "restarted-service", run)["message"]


def suspended(service, wait_for, run):
    wait_for(lambda: service.history(run)[-1] == "Suspended", f"the run is suspended\n{service.said()[-3000:]}")
    wait_for(lambda: service.engine(run) is None, "its process ends")
    assert service.run(run)["state"]["type"] == "PAUSED"


def test_a_paused_campaign_waits_on_the_page_and_resume_there_goes_on(shared_service, begin, wait_for):
    service, name = shared_service, "paused"
    run = begin(name)
    command(service, name, "pause")
    suspended(service, wait_for, run)
    known = len(service.store.observations(name))
    service.server.ask("POST", f"/flow_runs/{run}/resume", {})
    observed(service, wait_for, name, known + 1)
    # A second pause is one again, and not undone by the Resume before it.
    command(service, name, "pause")
    suspended(service, wait_for, run)
    assert [one.kind for one in service.store.campaign(name).commands] == ["pause", "resume", "pause"]

    # While somebody else drives the campaign, Resume starts no second driver.
    settings = Settings(home=service.folder / "plain", mongo_uri=service.uri)
    with open_resources(settings, load_site(service.site)) as resources, CampaignLoop(resources, name):
        service.server.ask("POST", f"/flow_runs/{run}/resume", {})
        state = service.wait_for_end(run)
    assert state["type"] == "FAILED"
    assert f"process {os.getpid()}" in state["message"]

    # One whose campaign was resumed elsewhere is closed.
    command(service, name, "pause")
    second = service.launch("stored-campaign", name=name)
    suspended(service, wait_for, second)
    command(service, name, "resume")
    reconcile = service.launch(RECONCILE)
    assert "resumed elsewhere" in service.wait_for_end(reconcile)["message"]
    assert service.run(second)["state"]["name"] == "Superseded"


def test_deployments_of_an_older_version_are_replaced_with_what_users_set(service, wait_for):
    ask = service.server.ask
    flow = ask("POST", "/flows/", {"name": "stored-campaign"})["id"]
    own = {"schedule": {"cron": "0 4 * * 1", "timezone": "UTC"}, "active": True, "parameters": {"name": "weekly"}}
    body = {"name": service.name, "flow_id": flow, "tags": ["tansaku"], "schedules": [own]}
    body |= {"entrypoint": "tansaku.flows.launch.stored_flow", "path": ".", "parameters": {"site": str(service.site)}}
    old = ask("POST", "/deployments/", body)["id"]
    foreign = ask("POST", "/flows/", {"name": "of-somebody-else"})["id"]
    other = ask("POST", "/deployments/", body | {"flow_id": foreign})["id"]
    action = {"type": "run-deployment", "source": "selected", "deployment_id": old, "parameters": {"name": "nightly"}}
    trigger = {"type": "event", "posture": "Reactive", "expect": ["campaign.done"], "threshold": 1, "within": 0}
    automation = ask("POST", "/automations/", {"name": f"mine {service.name}", "trigger": trigger, "actions": [action]})["id"]
    run = ask("POST", f"/deployments/{old}/create_flow_run", {"parameters": {"name": "unknown"}})["id"]
    ask("POST", f"/flow_runs/{run}/set_state", {"state": {"type": "SCHEDULED"}, "force": True})

    service.start("--reconcile", "never")
    new = service.deployment("stored-campaign")
    assert [(one["schedule"]["cron"], one["parameters"]) for one in new["schedules"]] == [("0 4 * * 1", {"name": "weekly"})]
    assert ask("GET", f"/automations/{automation}")["actions"][0]["deployment_id"] == new["id"]
    # Its run is still executed, and then it goes; what is not of tansaku's flows stays.
    assert service.wait_for_end(run)["type"] == "FAILED"

    def gone():
        try:
            ask("GET", f"/deployments/{old}")
        except urllib.error.HTTPError as error:
            return error.code == 404
        return False

    wait_for(gone, "the old deployment is deleted")
    assert ask("GET", f"/deployments/{other}")["name"] == service.name
    ask("DELETE", f"/deployments/{other}")
    ask("DELETE", f"/automations/{automation}")
    assert service.stop() == 0
