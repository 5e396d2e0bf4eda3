"""The pages of trained models."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from tansaku.deploy.web import promoting
from tansaku.deploy.web.auth.roles import Viewer
from tansaku.deploy.web.pages.again import Forms, Sent
from tansaku.deploy.web.pages.refused import NOTHING, Form, Refused
from tansaku.deploy.web.pages.rendering import render
from tansaku.deploy.web.pages.trainings import progress
from tansaku.deploy.web.services import services_of
from tansaku.models.domain.accounts import Actor, Role
from tansaku.models.domain.model_registry import ModelRecord, promoted
from tansaku.tasks.act.checks.rights import may_promote
from tansaku.tasks.ground.formats.yaml_text import write_yaml
from tansaku.tasks.read.views.trained_models import ModelVersions, model_detail, model_lines, model_versions

router = APIRouter(prefix="/models")


@router.get("")
def models_page(request: Request, actor: Viewer) -> Response:
    """Lists the versions of all models."""
    services = services_of(request)
    lines, problems = model_lines(services.seen_registry(actor))
    content = {"lines": lines, "problems": problems, "model_address": model_address, "may_train": actor.may(Role.OPERATOR)}
    return render(request, "models.html", content | progress(services, actor))


@router.get("/{name}/versions")
def versions_page(request: Request, actor: Viewer, name: str) -> Response:
    """Shows the last versions of a model side by side."""
    services = services_of(request)
    found = model_versions(services.seen_registry(actor), services.store, services.sight(actor).names(), name)
    content = {
        "found": found,
        "rows": _error_rows(found),
        "may_promote": may_promote(services.accounts, services.store, actor, services.registry.models(name)),
        "longest_note": promoting.LONGEST_NOTE,
        "model_address": model_address,
        "refused": NOTHING,
    }
    return render(request, "model_versions.html", content)


_ERRORS = (
    ("mean error", "mae"),
    ("root mean square error", "rmse"),
    ("r", "correlation"),
    ("within 1 σ (0.683)", "within_one"),
    ("within 2 σ (0.954)", "within_two"),
)


def _error_rows(found: ModelVersions) -> list[tuple[str, str, list[float | None]]]:
    """Errors on held-out data: property with unit, kind of error, and that of each version."""
    sides = [version.detail.line.held_out for version in found.versions]
    units = {name: errors.unit for side in reversed(sides) for name, errors in side.items()}
    return [
        (f"{name} [{unit}]", said, [getattr(side.get(name), kind, None) for side in sides])
        for name, unit in sorted(units.items())
        for said, kind in _ERRORS
    ]


@router.get("/{label}")
def model_page(request: Request, actor: Viewer, label: str) -> Response:
    """Shows a version."""
    return _model(request, actor, label)


def _model(request: Request, actor: Actor, label: str, refused: Refused = NOTHING) -> Response:
    services = services_of(request)
    registry = services.seen_registry(actor)
    detail = model_detail(registry, label)
    versions = registry.models(detail.line.name)
    content = {
        "detail": detail,
        "line": detail.line,
        "spec_text": write_yaml(detail.spec),
        "chosen_text": write_yaml(detail.chosen) if detail.chosen else "",
        "newer": _promoted_version(versions) > detail.line.version,
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


def _promoted_version(versions: Sequence[ModelRecord]) -> int:
    """Number of the promoted version; 0 without one."""
    found = promoted(versions)
    return 0 if found is None else found.version


def model_address(label: str) -> str:
    """Path of a version's page."""
    return f"/models/{quote(label, safe='@')}"
