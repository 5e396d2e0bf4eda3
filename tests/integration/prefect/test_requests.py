"""Requests of the dashboard on a real Prefect server: a service killed before it stored the answer starts nothing twice."""

from datetime import UTC, datetime

from tansaku.models.domain.authors import Actor
from tansaku.models.domain.requests import RequestState, ServiceRequest
from tansaku.tasks.act.commands.create import prepare_campaign
from tansaku.tasks.act.commands.runs import request_run
from tansaku.tasks.node.configuration.campaign_files import campaign_from_data

ADA = Actor("ada", "dashboard, ::1")


def test_a_request_becomes_one_run_whatever_is_killed(service, resources, campaign_document, wait_for):
    prepare_campaign(resources, ADA, campaign_from_data(campaign_document, service.folder, "test"))
    requests, now = resources.requests, datetime.now(UTC)
    asked = request_run(requests, resources.store, ADA, "small", "the-request", now)
    # Waits while no service runs, for as long as that takes.
    missing = ServiceRequest(
        id="for-a-ghost", campaign="ghost", campaign_created_at=now, user="ada", origin="test", created_at=now
    )
    requests.add_request(missing)
    service.start("--reconcile", "never")
    wait_for(lambda: requests.request(asked.id).state is RequestState.ACCEPTED, "the request is accepted")
    run = requests.request(asked.id).run
    wait_for(lambda: requests.request(missing.id).state is RequestState.REFUSED, "the other one is refused")
    assert "ghost" in requests.request(missing.id).reason
    wait_for(lambda: service.store.observations("small"), "the campaign runs")

    # As if the service had been killed after it started the run and before it stored the answer.
    service.kill()
    left = {"$set": {"state": "waiting"}, "$unset": {"run": "", "service": "", "answered_at": ""}}
    service.store._collections.database["web_requests"].update_one({"_id": asked.id}, left)
    assert requests.request(asked.id).run is None
    service.start("--reconcile", "never")
    wait_for(lambda: requests.request(asked.id).state is not RequestState.WAITING, "the request is answered")
    assert requests.request(asked.id).run == run
    wait_for(lambda: requests.request(asked.id).state is RequestState.ENDED, "the run ends")
    assert requests.request(asked.id).reason.startswith("Completed")
    runs = service.server.ask(
        "POST", "/flow_runs/filter", {"deployments": {"name": {"any_": [f"{service.name}-continue-stored-campaign"]}}}
    )
    assert [found["id"] for found in runs] == [run]
    (seen,) = requests.services()
    assert (seen.report.name, seen.report.problem, seen.report.stopped) == (service.name, "", False)
