"""The button that asks the service to run a campaign, and the outcome of the request: a part of the campaign's page."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from tansaku.deploy.web import steering
from tansaku.deploy.web.auth.roles import Operator, Viewer
from tansaku.deploy.web.forms import form_fields, new_key
from tansaku.deploy.web.pages.formats import campaign_address
from tansaku.deploy.web.pages.rendering import render
from tansaku.deploy.web.services import Services, services_of
from tansaku.models.domain.accounts import Actor
from tansaku.models.domain.records import JsonDict
from tansaku.tasks.act.checks.rights import may_steer
from tansaku.tasks.act.commands.runs import may_run
from tansaku.tasks.read.views.campaign import Campaign
from tansaku.tasks.read.views.service_health import describe_request, is_open, is_starting, last_request, read_health
from tansaku.tasks.read.views.status import status_of

router = APIRouter(prefix="/campaigns")


@router.get("/{name}/runs")
def run_part(request: Request, actor: Viewer, name: str) -> Response:
    """The part of the campaign's page, which reloads itself while a request is open."""
    services = services_of(request)
    reading = services.readings.reading(name)
    return render(request, "runs.html", {"status": status_of(reading), **run_content(services, actor, reading)})


@router.post("/{name}/runs")
async def ask_to_run(request: Request, actor: Operator, name: str) -> Response:
    """Stores the request of a form."""
    fields = await form_fields(request)
    await run_in_threadpool(steering.ask_to_run, services_of(request), actor, name, fields.get("key", ""))
    return RedirectResponse(campaign_address(name), HTTPStatus.SEE_OTHER)


def run_content(services: Services, actor: Actor, reading: Campaign) -> JsonDict:
    """Content of the part.

    Args:
        services: Of the application.
        actor: Who looks.
    """
    last = last_request(services.requests, reading.record)
    steers = may_steer(services.accounts, actor, reading.record.steerers)
    status, waits, now = status_of(reading), last is not None and is_open(last), services.store.now()
    return {
        "starting": is_starting(status.state, reading.record.epoch, last),
        "last_request": last,
        "request_text": None if last is None else describe_request(last),
        # While a driver runs, the page follows the campaign itself.
        "request_open": waits and status.driver is None,
        "may_run": steers and not waits and may_run(reading.record, status.state, now),
        "service_runs": read_health(services.requests).running,
        "key": new_key,
    }
