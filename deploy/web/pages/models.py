"""The pages of trained models."""

from __future__ import annotations

from urllib.parse import quote

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from tansaku.deploy.web import promoting
from tansaku.deploy.web.auth.roles import Viewer
from tansaku.deploy.web.pages.again import Forms, Sent
from tansaku.deploy.web.pages.refused import NOTHING, Form, Refused
from tansaku.deploy.web.pages.rendering import render
from tansaku.deploy.web.services import services_of
from tansaku.models.domain.accounts import Actor, Role
from tansaku.tasks.act.checks.rights import may_promote
from tansaku.tasks.ground.formats.yaml_text import write_yaml
from tansaku.tasks.read.views.trained_models import model_detail, model_lines

router = APIRouter(prefix="/models")


@router.get("")
def models_page(request: Request, _: Viewer) -> Response:
    """Lists the versions of all models."""
    lines, problems = model_lines(services_of(request).registry)
    return render(request, "models.html", {"lines": lines, "problems": problems, "model_address": model_address})


@router.get("/{label}")
def model_page(request: Request, actor: Viewer, label: str) -> Response:
    """Shows a version."""
    return _model(request, actor, label)


def _model(request: Request, actor: Actor, label: str, refused: Refused = NOTHING) -> Response:
    services = services_of(request)
    detail = model_detail(services.registry, label)
    versions = services.registry.models(detail.line.name)
    content = {
        "detail": detail,
        "line": detail.line,
        "spec_text": write_yaml(detail.spec),
        "chosen_text": write_yaml(detail.chosen) if detail.chosen else "",
        "may_promote": not detail.line.promoted and may_promote(services.accounts, services.store, actor, versions),
        "longest_note": promoting.LONGEST_NOTE,
        "model_address": model_address,
        "refused": refused,
    }
    return render(request, "model.html", content)


forms = Forms(router, Role.OPERATOR, lambda sent, refused: _model(sent.request, sent.actor, sent.at("label"), refused))


@forms.post("/{label}/promotion", lambda sent: Form("promote", sent.fields, other="note"))
def promote(sent: Sent) -> str:
    """Promotes the version of a form."""
    promoting.promote(sent.services, sent.actor, sent.at("label"), sent.text("note"))
    return model_address(sent.at("label"))


def model_address(label: str) -> str:
    """Path of a version's page."""
    return f"/models/{quote(label, safe='@')}"
