"""Cancel, pause and resume on Prefect's page, after restarts too."""

import os
import time
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
