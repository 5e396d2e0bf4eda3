"""The page on which a training is asked for, its forms, and the progress that it and the page Models show."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from http import HTTPStatus

from fastapi import APIRouter
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response

from tansaku.deploy.web import training
from tansaku.deploy.web.api.trainings import NewTraining
from tansaku.deploy.web.auth.roles import Operator
from tansaku.deploy.web.errors import ProblemError
from tansaku.deploy.web.forms import new_key
from tansaku.deploy.web.pages.again import Forms, Sent
from tansaku.deploy.web.pages.refused import NOTHING, Form, Refused
from tansaku.deploy.web.pages.rendering import render
from tansaku.deploy.web.services import Services, services_of
from tansaku.models.domain.accounts import Actor, Role
from tansaku.models.domain.errors import FieldError
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.trainings import WantedModel
from tansaku.models.domain.wording import field_problem
from tansaku.tasks.act.commands.trainings import offered_surrogates
from tansaku.tasks.read.views.service_health import read_health
from tansaku.tasks.read.views.trainings import Estimate

PATH = "/trainings"
_FIELDS = tuple(NewTraining.model_fields)

router = APIRouter(prefix=PATH)


def progress(services: Services, actor: Actor) -> JsonDict:
    """Returns the content of the template of the progress of trainings."""
    lines = training.lines(services, actor)
    mine = {line.id for line in lines if actor.may(Role.ADMIN) or line.user == actor.name}
    return {
        "trainings": lines,
        "cancellable": mine if actor.may(Role.OPERATOR) else set(),
        "service_runs": read_health(services.requests).running,
    }


@router.get("")
def training_page(request: Request, actor: Operator) -> Response:
    """Shows the form, filled in as its address says."""
    return _page(request, actor, request.query_params)


def _page(
    request: Request, actor: Actor, given: Mapping[str, str], refused: Refused = NOTHING, estimate: Estimate | None = None
) -> Response:
    services = services_of(request)
    content = choices(services, actor) | {
        "given": given,
        "key": new_key,
        "refused": refused,
        "estimate": estimate,
    }
    return render(request, "trainings.html", content | progress(services, actor))


def choices(services: Services, actor: Actor) -> JsonDict:
    """Returns what the fields of a training offer an actor."""
    registry = services.seen_registry(actor)
    datasets = dict.fromkeys(record.name for record in reversed(registry.readable_datasets()[0]))
    return {"datasets": list(datasets), "surrogates": offered_surrogates(registry)}


def wanted_training(given: Mapping[str, str]) -> WantedModel:
    """Returns the training of a form's fields. Raises FieldError."""
    chosen: dict[str, str | int] = {name: given[name] for name in _FIELDS if given.get(name)}
    with suppress(KeyError, ValueError):
        chosen["seed"] = int(given["seed"])
    try:
        return NewTraining.model_validate(chosen).wanted()
    except ValidationError as error:
        raise FieldError(*field_problem(error)) from error


forms = Forms(router, Role.OPERATOR, lambda sent, refused: _page(sent.request, sent.actor, sent.fields, refused=refused))


@forms.post("", "train")
def train(sent: Sent) -> str | Response:
    """Asks for the training of a form, or shows what it would use."""
    wanted, action = wanted_training(sent.fields), sent.text("action")
    if action == "estimate":
        found = training.estimate(sent.services, sent.actor, wanted)
        return _page(sent.request, sent.actor, sent.fields, estimate=found)
    if action != "train":
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, "expected estimate or train", key="action")
    training.train(sent.services, sent.actor, sent.text("key"), wanted)
    return "/models"


@forms.post("/{training_id}/cancellation", lambda sent: Form(sent.at("training_id"), sent.fields))
def cancel(sent: Sent) -> str:
    """Ends a training before its end."""
    training.cancel(sent.services, sent.actor, sent.at("training_id"))
    return "/models"
