"""The page of schedules, and its forms."""

from __future__ import annotations

from collections.abc import Mapping
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
from tansaku.deploy.web.pages.again import or_again
from tansaku.deploy.web.pages.refused import NOTHING, Form, Refused
from tansaku.deploy.web.pages.rendering import render
from tansaku.deploy.web.services import Services, services_of
from tansaku.deploy.web.steering import steered
from tansaku.models.domain.accounts import Actor, Role
from tansaku.models.domain.identifiers import is_name
from tansaku.tasks.read.views.service_health import read_health

router = APIRouter(prefix="/schedules")

Operator = Annotated[Actor, Depends(require(Role.OPERATOR))]


@router.get("")
def schedules_page(request: Request, actor: Annotated[Actor, Depends(require(Role.VIEWER))], campaign: str = "") -> Response:
    """Lists the schedules."""
    return _schedules(request, actor, campaign)


def _schedules(request: Request, actor: Actor, campaign: str = "", refused: Refused = NOTHING) -> Response:
    services = services_of(request)
    names = [name for name in services.store.campaign_names() if is_name(name)]
    content = {
        "lines": scheduling.lines(services),
        "names": names,
        "steered": steered(services, actor, names) if actor.may(Role.OPERATOR) else [],
        "campaign": campaign,
        "service_runs": read_health(services.requests).running,
        "may_change": actor.may(Role.OPERATOR),
        "key": new_key,
        "refused": refused,
    }
    return render(request, "schedules.html", content)


@router.post("")
async def create(request: Request, actor: Operator) -> Response:
    """Stores the schedule of a form."""
    fields = await form_fields(request)

    def add() -> Response:
        timing = scheduling.Timing(cron=fields.get("cron", ""), zone=fields.get("zone", ""), active=True)
        scheduling.create(services_of(request), actor, fields.get("key", ""), fields.get("campaign", ""), timing)
        return RedirectResponse("/schedules", HTTPStatus.SEE_OTHER)

    form = Form("add", fields)
    return await run_in_threadpool(or_again, form, add, lambda refused: _schedules(request, actor, refused=refused))


@router.post("/{schedule_id}")
async def change(request: Request, actor: Operator, schedule_id: str) -> Response:
    """Changes, switches or removes the schedule of a form."""
    fields = await form_fields(request)

    def carry_out() -> Response:
        _change(services_of(request), actor, schedule_id, fields)
        return RedirectResponse("/schedules", HTTPStatus.SEE_OTHER)

    form = Form(schedule_id, fields)
    return await run_in_threadpool(or_again, form, carry_out, lambda refused: _schedules(request, actor, refused=refused))


def _change(services: Services, actor: Actor, schedule_id: str, fields: Mapping[str, str]) -> None:
    action, text = fields.get("action", ""), fields.get("revision", "")
    revision = int(text) if text.isdecimal() and len(text) < 16 else -1
    if action == "remove":
        scheduling.remove(services, actor, schedule_id, revision)
    elif action in ("on", "off", "save"):
        active = fields.get("active") == "yes" if action == "save" else action == "on"
        timing = scheduling.Timing(cron=fields.get("cron", ""), zone=fields.get("zone", ""), active=active)
        scheduling.change(services, actor, schedule_id, timing, revision)
    else:
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, "expected on, off, save or remove", key="action")
