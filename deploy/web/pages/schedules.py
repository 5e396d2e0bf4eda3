"""The page of schedules, and its forms."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from tansaku.deploy.web import scheduling
from tansaku.deploy.web.auth.roles import require
from tansaku.deploy.web.errors import ProblemError
from tansaku.deploy.web.forms import form_fields, new_key
from tansaku.deploy.web.pages.rendering import render
from tansaku.deploy.web.services import services_of
from tansaku.models.domain.accounts import Actor, Role
from tansaku.models.domain.identifiers import is_name
from tansaku.tasks.views.service_health import read_health

router = APIRouter(prefix="/schedules")

Operator = Annotated[Actor, Depends(require(Role.OPERATOR))]


@router.get("")
def schedules_page(request: Request, actor: Annotated[Actor, Depends(require(Role.VIEWER))], campaign: str = "") -> Response:
    """Lists the schedules."""
    services = services_of(request)
    content = {
        "lines": scheduling.lines(services),
        "names": [name for name in services.store.campaign_names() if is_name(name)],
        "campaign": campaign,
        "service_runs": read_health(services.requests).running,
        "may_change": actor.may(Role.OPERATOR),
        "key": new_key,
    }
    return render(request, "schedules.html", content)


@router.post("")
async def create(request: Request, actor: Operator) -> Response:
    """Stores the schedule of a form."""
    fields = await form_fields(request)
    timing = scheduling.Timing(cron=fields.get("cron", ""), zone=fields.get("zone", ""), active=True)
    key, campaign = fields.get("key", ""), fields.get("campaign", "")
    await run_in_threadpool(scheduling.create, services_of(request), actor, key, campaign, timing)
    return RedirectResponse("/schedules", HTTPStatus.SEE_OTHER)


@router.post("/{schedule_id}")
async def change(request: Request, actor: Operator, schedule_id: str) -> Response:
    """Changes, switches or removes the schedule of a form."""
    fields = await form_fields(request)
    services, action, text = services_of(request), fields.get("action", ""), fields.get("revision", "")
    revision = int(text) if text.isdecimal() and len(text) < 16 else -1
    if action == "remove":
        await run_in_threadpool(scheduling.remove, services, actor, schedule_id, revision)
    elif action in ("on", "off", "save"):
        active = fields.get("active") == "yes" if action == "save" else action == "on"
        timing = scheduling.Timing(cron=fields.get("cron", ""), zone=fields.get("zone", ""), active=active)
        await run_in_threadpool(scheduling.change, services, actor, schedule_id, timing, revision)
    else:
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, "expected on, off, save or remove", key="action")
    return RedirectResponse("/schedules", HTTPStatus.SEE_OTHER)
