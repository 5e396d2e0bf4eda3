"""The page of schedules, and its forms."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from tansaku.deploy.web import scheduling
from tansaku.deploy.web.auth.roles import Viewer
from tansaku.deploy.web.errors import ProblemError
from tansaku.deploy.web.forms import new_key
from tansaku.deploy.web.pages.again import Forms, Sent
from tansaku.deploy.web.pages.refused import NOTHING, Form, Refused
from tansaku.deploy.web.pages.rendering import render
from tansaku.deploy.web.pages.trainings import choices, wanted_training
from tansaku.deploy.web.services import services_of
from tansaku.deploy.web.steering import steered
from tansaku.models.domain.accounts import Actor, Role
from tansaku.models.domain.errors import FieldError
from tansaku.models.domain.identifiers import is_name
from tansaku.tasks.read.views.service_health import read_health

router = APIRouter(prefix="/schedules")


@router.get("")
def schedules_page(request: Request, actor: Viewer, campaign: str = "") -> Response:
    """Lists the schedules."""
    return _schedules(request, actor, campaign)


def _schedules(request: Request, actor: Actor, campaign: str = "", refused: Refused = NOTHING) -> Response:
    services = services_of(request)
    lines, is_operator = scheduling.lines(services, actor), actor.may(Role.OPERATOR)
    names = [name for name in services.sight(actor).names() if is_name(name)]
    content = (choices(services, actor) if is_operator else {}) | {
        "lines": lines,
        "names": names,
        "steered": steered(services, actor, names) if is_operator else [],
        "changeable": scheduling.changeable(services, actor, lines),
        "campaign": campaign,
        "service_runs": read_health(services.requests).running,
        "may_change": is_operator,
        "key": new_key,
        "refused": refused,
    }
    return render(request, "schedules.html", content)


forms = Forms(router, Role.OPERATOR, lambda sent, refused: _schedules(sent.request, sent.actor, refused=refused))


@forms.post("", "add")
def create(sent: Sent) -> str:
    """Stores the schedule of a form."""
    timing = scheduling.Timing(cron=sent.text("cron"), zone=sent.text("zone"), active=True)
    trains = sent.text("starts") == "train"
    if sent.text("name") and not trains:
        raise FieldError("name", "choose Train a model, or leave this empty")
    starts = wanted_training(sent.fields) if trains else sent.text("campaign")
    scheduling.create(sent.services, sent.actor, sent.text("key"), starts, timing)
    return "/schedules"


@forms.post("/{schedule_id}", lambda sent: Form(sent.at("schedule_id"), sent.fields))
def change(sent: Sent) -> str:
    """Changes, switches or removes the schedule of a form."""
    action, text, schedule_id = sent.text("action"), sent.text("revision"), sent.at("schedule_id")
    revision = int(text) if text.isdecimal() and len(text) < 16 else -1
    if action == "remove":
        scheduling.remove(sent.services, sent.actor, schedule_id, revision)
    elif action in ("on", "off", "save"):
        active = sent.text("active") == "yes" if action == "save" else action == "on"
        timing = scheduling.Timing(cron=sent.text("cron"), zone=sent.text("zone"), active=active)
        scheduling.change(sent.services, sent.actor, schedule_id, timing, revision)
    else:
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, "expected on, off, save or remove", key="action")
    return "/schedules"
