"""A campaign run survives the end of the server, of the service, and of its own process."""

import re
import signal
import subprocess
import sys
import time

import pytest

from tansaku.flows.engines import is_alive
from tansaku.tasks.act.commands.create import prepare_campaign
from tansaku.tasks.backends.resources import open_resources
from tansaku.tasks.ground.settings import Settings
from tansaku.tasks.loop.driver.loop import drive
from tansaku.tasks.node.configuration.campaign_files import campaign_from_data, load_site
from tests.support.actors import ADA

LIMIT = 240.0


def wait_for(condition, what):
    until = time.monotonic() + LIMIT
    while time.monotonic() < until:
        if found := condition():
            return found
        time.sleep(0.05)
    raise AssertionError(f"{what}: not within {LIMIT} s")


@pytest.fixture(scope="module")
def local_workers():
    """Two evaluations are in progress when a process is killed."""
    return 2


@pytest.fixture
def undisturbed(service, campaign_document, tmp_path):
    """Facts of the same campaign to which nothing happens, driven by the plain loop in a database of its own."""

    def get():
        settings = Settings(home=tmp_path / "plain", mongo_uri=service.uri)
        site = load_site(service.site)
        apart = site.model_copy(update={"database": site.database.model_copy(update={"name": f"{service.database}-plain"})})
        with open_resources(settings, apart) as resources:
            prepare_campaign(resources, ADA, campaign_from_data(campaign_document, tmp_path, "test"))
            drive(resources, "small")
            found = [
                (one.proposal.number, one.proposal.candidate, one.state.value, one.outcome.value)
                for one in resources.store.evaluations("small")
            ]
            resources.store._collections.database.client.drop_database(f"{service.database}-plain")
        return found

    return get


def observed(service, count):
    """Waits until as many results are there."""

    def enough():
        return service.store.campaign_names() and len(service.store.observations("small")) >= count

    return wait_for(enough, f"{count} observations\n{service.said()[-3000:]}")


def running(service, run):
    """Waits for a run's process: results that are there may be older than it."""
    return wait_for(lambda: service.engine(run), f"the run has a process\n{service.said()[-3000:]}")


def taken_up(service):
    """Names of the runs that the service said it starts again: campaigns, and reconciling that was due when it was killed."""
    lines = re.findall(r"; restarting: (.+)$", service.said(), re.MULTILINE)
    return [name for line in lines for name in line.split(", ")]


def driving(service, run):
    """Waits until a run's process drives the campaign.

    A process that has only been started still has to ask the server for its run, and ends when the server is away; one that
    holds the campaign's lease needs the server no more.
    """

    def found():
        engine, lease = service.engine(run), service.store.campaign("small").lease
        return engine if engine and lease and lease.owner.pid == engine.pid else None

    return wait_for(found, f"the run drives the campaign\n{service.said()[-3000:]}")


def kill_engine(service, run):
    process = running(service, run)
    process.send_signal(signal.SIGKILL)
    wait_for(lambda: not is_alive(process), "it is gone")
    return process.pid


def test_killed_in_every_way_a_campaign_loses_and_doubles_nothing(service, campaign_document, undisturbed):
    service.start()
    run = service.launch("campaign", campaign=campaign_document)
    observed(service, 1)
    # Its process dies: the service notices, the automation starts it again, but not for ever.
    first = kill_engine(service, run)
    assert wait_for(lambda: service.engine(run), "started again").pid != first
    while service.history(run)[-1] != "Crashed":
        if service.engine(run):
            kill_engine(service, run)
    # What the page's button does.
    service.server.ask("POST", f"/flow_runs/{run}/set_state", {"state": {"type": "SCHEDULED", "name": "AwaitingRetry"}})
    running(service, run)
    observed(service, 2)
    # The service is stopped as systemd or Docker do it: the run is scheduled for the next start.
    assert service.stop() == 0
    assert service.engine(run) is None
    assert service.run(run)["state"]["type"] == "SCHEDULED"
    service.start()
    running(service, run)
    observed(service, 3)
    # Service and run die at once.
    service.kill()
    kill_engine(service, run)
    service.start()
    assert taken_up(service).count(campaign_document["name"]) == 1
    observed(service, 4)
    # Service and server die, and the run goes on without them.
    engine, starts = driving(service, run), service.run(run)["run_count"]
    service.kill()
    service.server.kill()
    observed(service, 6)
    service.server.start()
    service.start()
    assert service.wait_for_end(run)["type"] == "COMPLETED"
    assert service.run(run)["run_count"] == starts
    assert taken_up(service).count(campaign_document["name"]) == 1
    wait_for(lambda: not is_alive(engine), "its process ends")
    assert service.facts("small") == undisturbed()
    assert_each_once(service, campaign_document)


SHORT = """
import sys
from pathlib import Path
from tansaku.flows.service import ServiceOptions, serve
name, folder, site, home = sys.argv[1:]
serve(ServiceOptions(name, Path(folder), Path(site), silence=10.0), Path(home), print)
"""


def test_a_silent_run_is_started_again_by_the_server_and_a_cancelled_one_is_not(service, campaign_document):
    """The heartbeats are Prefect's; only the silence is shorter than `tansaku serve` allows."""
    names = [service.name, str(service.folder), str(service.site), str(service.folder / "home")]
    with service.log.open("ab") as log:
        process = subprocess.Popen([sys.executable, "-uc", SHORT, *names], env=service.of_a_program(), stdout=log, stderr=log)
    try:
        wait_for(lambda: "at http" in service.said(), "it serves")
        run = service.launch("campaign", campaign=campaign_document)
        observed(service, 1)
    finally:
        process.kill()
        process.wait(LIMIT)
    kill_engine(service, run)
    wait_for(lambda: service.history(run)[-2:] == ["Crashed", "AwaitingRetry"], "noticed")
    service.start()
    assert campaign_document["name"] not in taken_up(service)
    observed(service, 3)
    # What the page's button does.
    service.server.ask("POST", f"/flow_runs/{run}/set_state", {"state": {"type": "CANCELLING", "name": "Cancelling"}})
    assert service.wait_for_end(run)["type"] == "CANCELLED"
    wait_for(lambda: service.engine(run) is None, "its process ends")
    assert "small: 0 evaluations so far" in (service.folder / "home/service/small.log").read_text()
    second = service.launch("stored-campaign", name="small")
    assert service.wait_for_end(second)["type"] == "COMPLETED"
    assert service.run(run)["state"]["type"] == "CANCELLED"
    assert_each_once(service, campaign_document)


@pytest.mark.slow
def test_service_outlives_a_long_outage_of_the_server(service, campaign_document, monkeypatch):
    """With one retry of single calls, three failed looks come soon."""
    monkeypatch.setattr(service, "further", {"PREFECT_CLIENT_MAX_RETRIES": "1"})
    service.start()
    run = service.launch("campaign", campaign=campaign_document)
    observed(service, 1)
    service.server.kill()
    wait_for(lambda: "does not answer" in service.said(), "the service gives up")
    service.server.start()
    assert service.wait_for_end(run)["type"] == "COMPLETED"
    assert_each_once(service, campaign_document)


def assert_each_once(service, document):
    """Every evaluation was observed, and none twice."""
    numbers = [one.number for one in service.store.observations("small")]
    assert numbers == list(range(1, document["budget"]["evaluations"] + 1))
