"""Campaigns, their evaluations and commands: /api/v1/campaigns."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, field_validator
from starlette.requests import Request
from starlette.responses import Response

from tansaku.deploy.web import steering
from tansaku.deploy.web.auth.roles import require
from tansaku.deploy.web.errors import ProblemError
from tansaku.deploy.web.services import Services, services_of
from tansaku.models.domain.accounts import Actor, Role
from tansaku.models.domain.records import Command, CommandKind, Evaluation
from tansaku.models.domain.states import EvaluationState
from tansaku.tasks.views.evaluation_table import (
    EvaluationLine,
    Selection,
    Series,
    Sort,
    best_series,
    evaluation_of,
    table_page,
)
from tansaku.tasks.views.overview import UnreadableCampaign
from tansaku.tasks.views.progress import CampaignStatus
from tansaku.tasks.views.proposals import Predictions, predictions_of
from tansaku.tasks.views.readings import CampaignLine, Reading
from tansaku.tasks.views.structure_files import StructureFile, StructureForm, structure_file

router = APIRouter(prefix="/api/v1/campaigns", tags=["campaigns"])

Viewer = Annotated[Actor, Depends(require(Role.VIEWER))]
Operator = Annotated[Actor, Depends(require(Role.OPERATOR))]
Admin = Annotated[Actor, Depends(require(Role.ADMIN))]
Limit = Annotated[int, Query(ge=1, le=500)]
Round = Annotated[int, Query(ge=1, le=2**53)]


class Body(BaseModel):
    """Base of what is sent: unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class NewCommand(Body):
    """A command: ``candidates`` for retry and rerun, ``changes`` for edit."""

    kind: CommandKind
    candidates: list[str] = Field(default=[], max_length=500)
    changes: dict[str, Any] = Field(default={}, max_length=20, examples=[{"budget.evaluations": 500}])


class CommandHeaders(BaseModel):
    """Headers of a command: its id, and for an edit the ETag of the campaign that it starts from."""

    idempotency_key: str
    if_match: str | None = None


class Confirmation(Body):
    """The name of the campaign, once more."""

    confirm: str


class EvaluationQuery(Body):
    """Which evaluations are listed, and in which order."""

    state: EvaluationState | None = None
    system: str | None = None
    sort: Sort = "round"
    after: Round | None = None
    limit: Limit = 50

    @field_validator("state", "system", mode="before")
    @classmethod
    def _empty_is_all(cls, value: object) -> object:
        """A form sends empty fields."""
        return None if value == "" else value

    def selection(self) -> Selection:
        """The same for the view."""
        return Selection(self.state, self.system, self.sort, self.after, self.limit)


class Campaigns(BaseModel):
    """A page of the campaigns; ``next`` is the ``after`` of the following page."""

    items: list[CampaignLine | UnreadableCampaign]
    next: str | None = None


class Evaluations(BaseModel):
    """A page of evaluations; ``next`` is the ``after`` of the following page."""

    items: list[EvaluationLine]
    next: int | None = None
    total: int


class StoredCommand(BaseModel):
    """A stored command and what becomes of it."""

    id: str
    kind: CommandKind
    payload: dict[str, Any]
    user: str
    created_at: AwareDatetime
    applied_at_number: int | None
    has_driver: bool
    outlook: str


@router.get("")
def campaigns(request: Request, _: Viewer, limit: Limit = 100, after: str = "") -> Campaigns:
    """Lists the campaigns by name."""
    left = [line for line in services_of(request).readings.lines() if line.name > after]
    return Campaigns(items=left[:limit], next=left[limit - 1].name if len(left) > limit else None)


@router.get("/{name}")
def campaign(request: Request, response: Response, _: Viewer, name: str) -> CampaignStatus:
    """The status of a campaign; its ETag is the revision of the spec."""
    found = services_of(request).readings.reading(name)
    response.headers["ETag"] = f'"{steering.revision(found.record)}"'
    return found.status


@router.delete("/{name}", status_code=HTTPStatus.NO_CONTENT)
def delete_campaign(request: Request, actor: Admin, name: str, body: Confirmation) -> Response:
    """Deletes a campaign for good."""
    steering.delete(services_of(request), actor, name, body.confirm)
    return Response(status_code=HTTPStatus.NO_CONTENT)


@router.get("/{name}/evaluations")
def evaluations(request: Request, _: Viewer, name: str, query: Annotated[EvaluationQuery, Query()]) -> Evaluations:
    """Lists evaluations."""
    page = table_page(services_of(request).readings.reading(name), query.selection())
    return Evaluations(items=list(page.lines), next=page.next, total=page.total)


@router.get("/{name}/evaluations/{number}")
def evaluation(request: Request, _: Viewer, name: str, number: int) -> Evaluation:
    """An evaluation as stored."""
    return evaluation_at(services_of(request), name, number)[1]


@router.get("/{name}/evaluations/{number}/structure")
def structure(request: Request, _: Viewer, name: str, number: int, form: StructureForm = "extxyz") -> Response:
    """The final structure of an evaluation as a file."""
    services = services_of(request)
    found = structure_file(evaluation_at(services, name, number)[1], services.artifacts, form)
    return _file(request, found)


@router.get("/{name}/series")
def series(request: Request, response: Response, _: Viewer, name: str) -> Series:
    """The best value so far against evaluations and cost."""
    found = services_of(request).readings.reading(name)
    response.headers["ETag"] = f'"{found.version}"'
    return best_series(found)


@router.get("/{name}/predictions")
def predictions(request: Request, response: Response, _: Viewer, name: str) -> Predictions:
    """Values as predicted when their candidates were proposed, and as computed; the last 2,000."""
    found = services_of(request).readings.reading(name)
    response.headers["ETag"] = f'"{found.version}"'
    return predictions_of(found)


@router.get("/{name}/commands")
def commands(request: Request, _: Viewer, name: str) -> list[StoredCommand]:
    """Lists the commands of a campaign, in order."""
    record = services_of(request).store.campaign(name)
    found = (steering.find_given(record, command.id) for command in record.commands)
    return [_command_view(given, name) for given in found if given is not None]


@router.post("/{name}/commands", status_code=HTTPStatus.ACCEPTED)
def give_command(
    request: Request,
    response: Response,
    actor: Operator,
    name: str,
    body: NewCommand,
    headers: Annotated[CommandHeaders, Header()],
) -> StoredCommand:
    """Stores a command; the answer to the same key again is 200."""
    revision = None if headers.if_match is None else headers.if_match.strip().strip('"')
    order = steering.Order(body.kind, headers.idempotency_key, tuple(body.candidates), body.changes, revision)
    given = steering.give(services_of(request), actor, name, order)
    if not given.new:
        response.status_code = HTTPStatus.OK
    return _command_view(given, name)


def evaluation_at(services: Services, name: str, number: int) -> tuple[Reading, Evaluation]:
    """A campaign and its evaluation of a number. Raises ProblemError if there is none."""
    reading = services.readings.reading(name)
    found = evaluation_of(reading, number)
    if found is None:
        raise ProblemError(HTTPStatus.NOT_FOUND, f"campaign {name!r} has no evaluation {number}")
    return reading, found


def _command_view(given: steering.Given, name: str) -> StoredCommand:
    command: Command = given.command
    return StoredCommand(has_driver=given.has_driver, outlook=steering.outlook(given, name), **command.model_dump())


def _file(request: Request, found: StructureFile) -> Response:
    tag = f'"{found.sha256}-{found.form}"'
    if request.headers.get("If-None-Match") == tag:
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers={"ETag": tag})
    headers = {"ETag": tag, "Cache-Control": "private, no-cache", "Content-Disposition": f'attachment; filename="{found.name}"'}
    return Response(found.content, media_type="text/plain; charset=utf-8", headers=headers)
