"""Projects, their members and campaigns: /api/v1/projects, and /api/v1/campaigns/NAME/project."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Header
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from tansaku.deploy.web import projecting
from tansaku.deploy.web.api.body import Body
from tansaku.deploy.web.api.listing import After, Limit, Listing, page
from tansaku.deploy.web.auth.roles import Admin, Operator, Viewer
from tansaku.deploy.web.projecting import ProjectView
from tansaku.deploy.web.services import Services, services_of
from tansaku.models.domain.accounts import Actor
from tansaku.models.domain.identifiers import NAME_PATTERN
from tansaku.models.domain.projects import LONGEST_NOTES, LONGEST_TAG, MOST_TAGS, MostCoreHours, MostEvaluations, Project, Quota
from tansaku.models.domain.roles import ProjectRole

router = APIRouter(prefix="/api/v1", tags=["projects"])

_Name = Annotated[str, Field(pattern=NAME_PATTERN, examples=["tilt-boundaries"])]


class NewProject(Body):
    """A project to be created; who creates it is its owner."""

    name: _Name
    private: bool = True


class NewRole(Body):
    """Role of a member."""

    role: ProjectRole


class NewNotes(Body):
    """Notes in Markdown."""

    notes: str = Field(max_length=LONGEST_NOTES)


class NewTags(Body):
    """Tags."""

    tags: list[Annotated[str, Field(max_length=LONGEST_TAG)]] = Field(max_length=MOST_TAGS, examples=[["copper"]])


class NewQuota(Body):
    """Sums of the budgets that its campaigns may have; null: any."""

    evaluations: MostEvaluations = None
    core_hours: MostCoreHours = None


class NewPrivacy(Body):
    """Whether only members and admins see it."""

    private: bool


class NewPlace(Body):
    """The project that a campaign is put into; null: none."""

    project: _Name | None


class Place(BaseModel):
    """The project of a campaign; null: none."""

    project: str | None


@router.get("/projects")
def projects(request: Request, actor: Viewer, limit: Limit = 100, after: After = None) -> Listing[ProjectView]:
    """Lists the projects that the user may see, by name."""
    services = services_of(request)
    found = page(projecting.seen_projects(services, actor), lambda project: project.name, limit, after)
    return Listing(items=[projecting.view(services, actor, item) for item in found.items], next=found.next)


@router.post("/projects", status_code=HTTPStatus.CREATED)
def create(request: Request, actor: Operator, new: NewProject) -> ProjectView:
    """Creates a project; repeating it changes nothing."""
    services = services_of(request)
    made = projecting.changes(services, actor).create(new.name, private=new.private, owner=actor.name)
    return projecting.view(services, actor, made)


@router.get("/projects/{project}")
def project(request: Request, response: Response, actor: Viewer, project: str) -> ProjectView:
    """A project with its members, notes and campaigns; its ETag is what a change of the notes starts from."""
    services = services_of(request)
    return _answer(services, actor, response, projecting.seen_project(services, actor, project))


@router.put("/projects/{project}/members/{user}")
def set_member(request: Request, response: Response, actor: Operator, project: str, user: str, body: NewRole) -> ProjectView:
    """Adds a member, or changes a member's role, for owners of the project."""
    services = services_of(request)
    projecting.allowed(services, actor, project, "member")
    changed = projecting.changes(services, actor).set_member(project, user, body.role)
    return _answer(services, actor, response, changed)


@router.delete("/projects/{project}/members/{user}", status_code=HTTPStatus.NO_CONTENT)
def remove_member(request: Request, actor: Operator, project: str, user: str) -> Response:
    """Removes a member, for owners of the project."""
    services = services_of(request)
    projecting.allowed(services, actor, project, "expel")
    projecting.changes(services, actor).remove_member(project, user)
    return Response(status_code=HTTPStatus.NO_CONTENT)


@router.put("/projects/{project}/notes")
def set_notes(
    request: Request,
    response: Response,
    actor: Operator,
    project: str,
    body: NewNotes,
    if_match: Annotated[str | None, Header()] = None,
) -> ProjectView:
    """Replaces the notes, for operators of the project; with If-Match only where nobody has changed the project since."""
    services = services_of(request)
    projecting.allowed(services, actor, project, "notes")
    version = None if if_match is None else projecting.version_of(if_match.strip().strip('"'))
    return _answer(services, actor, response, projecting.changes(services, actor).set_notes(project, body.notes, version))


@router.put("/projects/{project}/tags")
def set_tags(request: Request, response: Response, actor: Operator, project: str, body: NewTags) -> ProjectView:
    """Replaces the tags, for operators of the project."""
    services = services_of(request)
    projecting.allowed(services, actor, project, "tags")
    return _answer(services, actor, response, projecting.changes(services, actor).set_tags(project, body.tags))


@router.put("/projects/{project}/quota")
def set_quota(request: Request, response: Response, actor: Admin, project: str, body: NewQuota) -> ProjectView:
    """Replaces the quota, for admins of the dashboard."""
    services = services_of(request)
    projecting.allowed(services, actor, project, "quota")
    quota = Quota(evaluations=body.evaluations, core_hours=body.core_hours)
    return _answer(services, actor, response, projecting.changes(services, actor).set_quota(project, quota))


@router.put("/projects/{project}/privacy")
def set_privacy(request: Request, response: Response, actor: Operator, project: str, body: NewPrivacy) -> ProjectView:
    """Shows a project to all users, or to its members alone, for owners of the project."""
    services = services_of(request)
    projecting.allowed(services, actor, project, "privacy")
    changed = projecting.changes(services, actor).set_private(project, private=body.private)
    return _answer(services, actor, response, changed)


@router.get("/campaigns/{name}/project")
def place(request: Request, actor: Viewer, name: str) -> Place:
    """The project of a campaign; null: none that the user may see."""
    return Place(project=projecting.seen_place(services_of(request), actor, name))


@router.put("/campaigns/{name}/project")
def move(request: Request, actor: Operator, name: str, body: NewPlace) -> Place:
    """Puts a campaign into a project, or takes it out of its own; for its owner, owners of its project, and admins."""
    projecting.move(services_of(request), actor, name, body.project)
    return Place(project=body.project)


def _answer(services: Services, actor: Actor, response: Response, shown: Project) -> ProjectView:
    response.headers["ETag"] = f'"{shown.version}"'
    return projecting.view(services, actor, shown)
