"""The pages of projects, and their forms."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from tansaku.deploy.web import projecting
from tansaku.deploy.web.auth.roles import Viewer
from tansaku.deploy.web.pages.again import Forms, Sent
from tansaku.deploy.web.pages.markdown import markdown
from tansaku.deploy.web.pages.refused import NOTHING, Form, Refused
from tansaku.deploy.web.pages.rendering import render
from tansaku.deploy.web.services import services_of
from tansaku.models.domain.accounts import Actor, Role
from tansaku.models.domain.errors import FieldError
from tansaku.models.domain.identifiers import is_name
from tansaku.models.domain.projects import LONGEST_NOTES, Quota
from tansaku.models.domain.roles import ProjectRole
from tansaku.models.domain.verbs import PROJECT_VERBS, ProjectKind

PATH = "/projects"

router = APIRouter(prefix=PATH)


@dataclass(frozen=True)
class Share:
    """A part of the quota, and how much of it is taken.

    Attributes:
        title: What is limited.
        used: That the campaigns have.
        most: That they may have.
    """

    title: str
    used: float
    most: float


@router.get("")
def projects_page(request: Request, actor: Viewer) -> Response:
    """Lists the projects."""
    return _projects(request, actor)


@router.get("/{project}")
def project_page(request: Request, actor: Viewer, project: str) -> Response:
    """Shows a project."""
    return _project(request, actor, project)


def _projects(request: Request, actor: Actor, refused: Refused = NOTHING) -> Response:
    services = services_of(request)
    found = [projecting.view(services, actor, project) for project in projecting.seen_projects(services, actor)]
    content = {"projects": found, "may_create": actor.may(Role.OPERATOR), "refused": refused, "verb": PROJECT_VERBS["create"]}
    return render(request, "projects.html", content)


def _project(request: Request, actor: Actor, name: str, refused: Refused = NOTHING) -> Response:
    services = services_of(request)
    project = projecting.seen_project(services, actor, name)
    found = projecting.view(services, actor, project)
    lines = [line for line in services.readings.lines() if line.name in found.campaigns]
    content = {
        "project": found,
        "revision": project.version,
        "notes": markdown(project.notes),
        "lines": lines,
        "linked": {line.name for line in lines if is_name(line.name)},
        "movable": projecting.movable_to(services, actor, project),
        "shares": _shares(found),
        "roles": list(ProjectRole),
        "verbs": {kind: verb for kind, verb in PROJECT_VERBS.items() if projecting.may(services, actor, project, kind)},
        "longest_notes": LONGEST_NOTES,
        "refused": refused,
    }
    return render(request, "project.html", content)


def _shares(found: projecting.ProjectView) -> list[Share]:
    if found.used is None:
        return []
    parts: tuple[tuple[str, float, float | None], ...] = (
        ("Evaluations", found.used.evaluations, found.quota.evaluations),
        ("Core-hours", found.used.core_hours, found.quota.core_hours),
    )
    return [Share(title, used, most) for title, used, most in parts if most is not None]


making = Forms(router, Role.OPERATOR, lambda sent, refused: _projects(sent.request, sent.actor, refused))
forms = Forms(router, Role.OPERATOR, lambda sent, refused: _project(sent.request, sent.actor, sent.at("project"), refused))
of_admins = Forms(router, Role.ADMIN, lambda sent, refused: _project(sent.request, sent.actor, sent.at("project"), refused))


@making.post("", "create")
def create(sent: Sent) -> str:
    """Creates the project of a form."""
    private = sent.text("private") == "yes"
    made = projecting.changes(sent.services, sent.actor).create(
        sent.text("name").strip(), private=private, owner=sent.actor.name
    )
    return f"{PATH}/{made.name}"


@forms.post("/{project}/members", "member")
def set_member(sent: Sent) -> str:
    """Adds a member, or changes a member's role."""
    name = _allowed(sent, "member")
    role = next((role for role in ProjectRole if role == sent.text("role")), None)
    if role is None:
        raise FieldError("role", f"expected one of {', '.join(ProjectRole)}")
    projecting.changes(sent.services, sent.actor).set_member(name, sent.text("user").strip(), role)
    return f"{PATH}/{name}"


@forms.post("/{project}/removals", "expel")
def remove_member(sent: Sent) -> str:
    """Removes the member of a form."""
    name = _allowed(sent, "expel")
    projecting.changes(sent.services, sent.actor).remove_member(name, sent.text("user"))
    return f"{PATH}/{name}"


@forms.post("/{project}/campaigns", "put")
def put_campaign(sent: Sent) -> str:
    """Puts the campaign of a form into the project."""
    name = _allowed(sent, "move")
    sent.services.sight(sent.actor).check(sent.text("campaign"))
    projecting.move(sent.services, sent.actor, sent.text("campaign"), name)
    return f"{PATH}/{name}"


@forms.post("/{project}/notes", lambda sent: Form("notes", sent.fields, other="notes"))
def set_notes(sent: Sent) -> str:
    """Replaces the notes."""
    name = _allowed(sent, "notes")
    version = projecting.version_of(sent.text("revision"))
    projecting.changes(sent.services, sent.actor).set_notes(name, sent.text("notes"), version)
    return f"{PATH}/{name}"


@forms.post("/{project}/tags", "tags")
def set_tags(sent: Sent) -> str:
    """Replaces the tags, which commas separate."""
    name = _allowed(sent, "tags")
    projecting.changes(sent.services, sent.actor).set_tags(name, sent.text("tags").split(","))
    return f"{PATH}/{name}"


@of_admins.post("/{project}/quota", "quota")
def set_quota(sent: Sent) -> str:
    """Replaces the quota; an empty field is no limit."""
    name = _allowed(sent, "quota")
    evaluations, core_hours = _number(sent, "evaluations"), _number(sent, "core_hours")
    if evaluations is not None and evaluations != int(evaluations):
        raise FieldError("evaluations", f"{evaluations:g} is no whole number")
    quota = Quota(evaluations=None if evaluations is None else int(evaluations), core_hours=core_hours)
    projecting.changes(sent.services, sent.actor).set_quota(name, quota)
    return f"{PATH}/{name}"


@forms.post("/{project}/privacy", "privacy")
def set_privacy(sent: Sent) -> str:
    """Shows the project to all users, or to its members alone."""
    name = _allowed(sent, "privacy")
    projecting.changes(sent.services, sent.actor).set_private(name, private=sent.text("private") == "yes")
    return f"{PATH}/{name}"


def _allowed(sent: Sent, kind: ProjectKind) -> str:
    """Name of the project of a form, which the actor may so change."""
    return projecting.allowed(sent.services, sent.actor, sent.at("project"), kind).name


_LARGEST = 1e15


def _number(sent: Sent, field: str) -> float | None:
    """The number that a field holds; None where it is empty."""
    text = sent.text(field).strip()
    try:
        found = float(text) if text else None
    except ValueError as error:
        raise FieldError(field, f"{text[:40]!r} is no number") from error
    if found is not None and not 0 <= found <= _LARGEST:
        raise FieldError(field, f"expected a number from 0 to {_LARGEST:g}")
    return found
