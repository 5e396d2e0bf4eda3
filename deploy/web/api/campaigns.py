"""Campaigns, their evaluations and commands, and who may steer them: /api/v1/campaigns."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from types import GenericAlias
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query
from pydantic import AwareDatetime, BaseModel, Field, FiniteFloat, create_model, field_validator
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from tansaku.deploy.web import managing, owning, steering
from tansaku.deploy.web.api.body import Body, known
from tansaku.deploy.web.api.listing import LARGEST, LINKED, After, Limit, linked, page
from tansaku.deploy.web.api.versioned import SeenVersion, shared
from tansaku.deploy.web.auth.roles import Operator, Viewer
from tansaku.deploy.web.errors import ProblemError
from tansaku.deploy.web.services import Services, services_of
from tansaku.models.domain.evaluation_columns import RESULTS
from tansaku.models.domain.records import CampaignRecord, CommandKind, Evaluation, Record
from tansaku.models.domain.states import EvaluationState
from tansaku.models.domain.verbs import SteeringKind
from tansaku.tasks.read.views.campaign import Campaign
from tansaku.tasks.read.views.evaluation_table import (
    Selection,
    Series,
    Sort,
    best_series,
    evaluation_of,
    table_page,
)
from tansaku.tasks.read.views.overview import UnreadableCampaign
from tansaku.tasks.read.views.proposals import Predictions, predictions_of
from tansaku.tasks.read.views.readings import CampaignLine
from tansaku.tasks.read.views.results import described_lines
from tansaku.tasks.read.views.status import CampaignStatus, live_lease, status_of
from tansaku.tasks.read.views.structures import (
    EndOf,
    StructureFile,
    StructureForm,
    StructureOf,
    last_evaluation,
    start_file,
    steps_file,
    structure_file,
)

router = APIRouter(prefix="/api/v1/campaigns", tags=["campaigns"])

Round = Annotated[int, Query(ge=1, le=2**53)]
CandidateId = Annotated[str, Query(max_length=1000)]
MOST_FAILURES = 20
"""Failed evaluations of a status in words."""


class NewCommand(Body):
    """A command: ``candidates`` for retry and rerun, ``changes`` for edit."""

    kind: SteeringKind
    candidates: list[str] = Field(default=[], max_length=500)
    changes: dict[str, Any] = Field(default={}, max_length=20, examples=[{"budget.evaluations": 500}])


class CommandHeaders(BaseModel):
    """Headers of a command: its id, and for an edit the ETag of the campaign that it starts from."""

    idempotency_key: str
    if_match: str | None = None


class EvaluationQuery(Body):
    """Filter and order of the listed evaluations."""

    state: EvaluationState | None = None
    system: str | None = None
    value_min: FiniteFloat | None = None
    value_max: FiniteFloat | None = None
    sort: Sort = "round"
    after: Round | None = None
    limit: Limit = 50
    cells: bool = Field(
        default=False,
        description="With what describes the candidates, by column; further objectives; and `same_basin_as`, the candidate "
        "of an earlier evaluation that ended in the same structure.",
    )

    @field_validator("state", "system", "value_min", "value_max", mode="before")
    @classmethod
    def _empty_is_all(cls, value: object) -> object:
        """Treats empty fields of a form as not given."""
        return None if value == "" else value

    def selection(self) -> Selection:
        """Returns the query for the view."""
        return Selection(self.state, self.system, self.sort, self.after, self.limit, self.value_min, self.value_max)


class Campaigns(BaseModel):
    """A page of the campaigns; ``next`` is the ``after`` of the following page."""

    items: list[CampaignLine | UnreadableCampaign]
    next: str | None = None


_LINE: dict[str, Any] = {column.name: column.type for column in RESULTS}
_LINE["cells"] = (dict[str, str | float] | None, None)
_LINE["others"] = (dict[str, float | None] | None, None)
_LINE["same_basin_as"] = (str | None, None)
_LINE["strained"] = (bool | None, None)
EvaluationLine = create_model("EvaluationLine", __base__=Record, __doc__="An evaluation in the table.", **_LINE)

_PAGE: dict[str, Any] = {"items": GenericAlias(list, EvaluationLine), "next": (int | None, None), "total": int}
Evaluations = create_model(
    "Evaluations", __doc__="A page of evaluations; ``next`` is the ``after`` of the following page.", **_PAGE
)


class StoredCommand(BaseModel):
    """A stored command and its effect."""

    id: str
    kind: CommandKind
    payload: dict[str, Any]
    user: str
    created_at: AwareDatetime
    applied_at_number: int | None
    has_driver: bool
    outlook: str


@router.get("")
def campaigns(request: Request, actor: Viewer, limit: Limit = 100, after: str = "") -> Campaigns:
    """Lists the campaigns by name."""
    services = services_of(request)
    sight = services.sight(actor)
    left = [line for line in services.readings.lines() if line.name > after and sight.sees(line.name)]
    return Campaigns(items=left[:limit], next=left[limit - 1].name if len(left) > limit else None)


class DescribedStatus(CampaignStatus):
    """A status, and the same in words."""

    words: str


@router.get("/{name}", response_model=CampaignStatus)
def campaign(request: Request, response: Response, _: Viewer, name: str, words: bool = False) -> CampaignStatus | Response:
    """The status of a campaign, also in words; its ETag is the revision of the spec, which an edit starts from."""
    found = services_of(request).readings.reading(name)
    status, revision = status_of(found), f'"{steering.revision(found.record)}"'
    if not words:
        response.headers["ETag"] = revision
        return status
    described = DescribedStatus(**dict(status), words=status.describe(MOST_FAILURES))
    return Response(described.model_dump_json(), media_type="application/json", headers={"ETag": revision})


@router.get("/{name}/evaluations", response_model=Evaluations)
def evaluations(request: Request, _: Viewer, name: str, query: Annotated[EvaluationQuery, Query()]) -> dict[str, Any]:
    """Lists evaluations."""
    reading = services_of(request).readings.reading(name)
    shown = table_page(reading, query.selection())
    lines = described_lines(reading, [line["round"] for line in shown.lines]) if query.cells else list(shown.lines)
    return {"items": lines, "next": shown.next, "total": shown.total}


@router.get("/{name}/evaluations/{number}")
def evaluation(request: Request, _: Viewer, name: str, number: int) -> Evaluation:
    """An evaluation as stored, with the name of its campaign."""
    return evaluation_at(services_of(request), name, number)[1].model_copy(update={"campaign": name})


@router.get("/{name}/evaluations/{number}/structure", response_class=PlainTextResponse)
def structure(
    request: Request, _: Viewer, name: str, number: int, form: StructureForm = "extxyz", of: StructureOf = "end"
) -> Response:
    """The final structure of an evaluation as a file, that from which it began, or some of its relaxation (extended XYZ)."""
    services = services_of(request)
    reading, found = evaluation_at(services, name, number)
    if of == "steps":
        return _file(request, steps_file(found, services.artifacts))
    if of == "start":
        return _file(request, start_file(reading, found.proposal.candidate, form))
    return _file(request, structure_file(found, services.artifacts, form))


@router.get("/{name}/structure", response_class=PlainTextResponse)
def candidate_structure(
    request: Request, _: Viewer, name: str, candidate: CandidateId, form: StructureForm = "extxyz", of: EndOf = "start"
) -> Response:
    """The structure of a candidate, evaluated or not, before anything is relaxed; or the final one of its last evaluation."""
    services = services_of(request)
    reading = services.readings.reading(name)
    if of == "start":
        return _file(request, start_file(reading, candidate, form))
    return _file(request, structure_file(last_evaluation(reading, candidate), services.artifacts, form))


_UNCHANGED: dict[int | str, dict[str, Any]] = {304: {"description": "Unchanged since the version of If-None-Match"}}


@router.get("/{name}/series", responses=_UNCHANGED, response_model=Series)
def series(request: Request, _: Viewer, name: str, seen: SeenVersion = None) -> Response:
    """The best value so far against evaluations and cost."""
    return _of_version(request, name, seen, best_series)


@router.get("/{name}/predictions", responses=_UNCHANGED, response_model=Predictions)
def predictions(request: Request, _: Viewer, name: str, seen: SeenVersion = None) -> Response:
    """Values predicted when their candidates were proposed, and computed values; the last 2,000."""
    return _of_version(request, name, seen, predictions_of)


@router.get("/{name}/commands", responses=LINKED)
def commands(
    request: Request, response: Response, _: Viewer, name: str, limit: Limit = LARGEST, after: After = None
) -> list[StoredCommand]:
    """Lists the commands of a campaign, in order."""
    store = services_of(request).store
    record = store.campaign(name)
    driven = live_lease(record, store.now()) is not None
    shown = page(record.commands, lambda command: command.id, limit, after)
    linked(request, response, shown)
    found = (steering.find_given(record, command.id, has_driver=driven) for command in shown.items)
    return [_command_view(given) for given in found if given is not None]


@router.post(
    "/{name}/commands",
    status_code=HTTPStatus.ACCEPTED,
    responses=known(StoredCommand),
)
def give_command(
    request: Request,
    response: Response,
    actor: Operator,
    name: str,
    body: NewCommand,
    headers: Annotated[CommandHeaders, Header()],
) -> StoredCommand:
    """Stores a command; repeating it with the same key is answered with 200."""
    revision = None if headers.if_match is None else headers.if_match.strip().strip('"')
    order = steering.Order(body.kind, headers.idempotency_key, tuple(body.candidates), body.changes, revision)
    given = steering.give(services_of(request), actor, name, order)
    if not given.new:
        response.status_code = HTTPStatus.OK
    return _command_view(given)


@router.get("/{name}/commands/{command_id}")
def command(request: Request, _: Viewer, name: str, command_id: str) -> StoredCommand:
    """A command of a campaign: whether it was applied."""
    store = services_of(request).store
    record = store.campaign(name)
    given = steering.find_given(record, command_id, has_driver=live_lease(record, store.now()) is not None)
    if given is None:
        raise ProblemError(HTTPStatus.NOT_FOUND, f"campaign {name!r} has no command {command_id!r}")
    return _command_view(given)


def _of_version(request: Request, name: str, seen: str | None, make: Callable[[Campaign], BaseModel]) -> Response:
    """An answer made of a campaign's present version, once for all clients; its ETag is the version."""
    found = services_of(request).readings.reading(name, seen)
    return shared(request, found, make, lambda: make(found).model_dump_json())


def evaluation_at(services: Services, name: str, number: int) -> tuple[Campaign, Evaluation]:
    """A campaign and its evaluation of a number. Raises ProblemError if there is none."""
    reading = services.readings.reading(name)
    found = evaluation_of(reading, number)
    if found is None:
        raise ProblemError(HTTPStatus.NOT_FOUND, f"campaign {name!r} has no evaluation {number}")
    return reading, found


def _command_view(given: steering.Given) -> StoredCommand:
    return StoredCommand(has_driver=given.has_driver, outlook=steering.outlook(given), **given.command.model_dump())


def _file(request: Request, found: StructureFile) -> Response:
    tag = f'"{found.sha256}-{found.form}"'
    if request.headers.get("If-None-Match") == tag:
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers={"ETag": tag})
    headers = {"ETag": tag, "Cache-Control": "private, no-cache", "Content-Disposition": f'attachment; filename="{found.name}"'}
    return Response(found.content, media_type="text/plain; charset=utf-8", headers=headers)


class Users(Body):
    """Operators with whom a campaign is shared."""

    users: list[str] = Field(max_length=owning.MOST_USERS, examples=[["ada"]])


class Sharing(BaseModel):
    """Users who may steer a campaign besides admins.

    Attributes:
        owner: Who created it on the dashboard; null: it was created on the command line.
        users: With whom it is shared.
    """

    owner: str | None
    users: list[str]


@router.get("/{name}/sharing")
def shown(request: Request, _: Viewer, name: str) -> Sharing:
    """Returns the owner, and the users with whom the campaign is shared."""
    return _view(services_of(request).store.campaign(name))


@router.put("/{name}/sharing")
def share(request: Request, actor: Operator, name: str, wanted: Users) -> Sharing:
    """Replaces the users with whom a campaign is shared, for admins and its owner."""
    return _view(owning.share(services_of(request), actor, name, wanted.users))


class LinkDays(Body):
    """The time for which a link is valid."""

    days: float = Field(gt=0, examples=[30])


class Link(BaseModel):
    """A read-only link; its secret is shown only here."""

    link: str
    token_id: str
    expires_at: AwareDatetime


@router.post("/{name}/links", status_code=HTTPStatus.CREATED)
def make_link(request: Request, actor: Operator, name: str, wanted: LinkDays) -> Link:
    """Issues a link by which people without an account see this campaign and nothing else; revoked like a token."""
    link, token = managing.add_link(services_of(request), actor, str(request.base_url), name, wanted.days)
    return Link(link=link, token_id=token.id, expires_at=token.expires_at)


def _view(record: CampaignRecord) -> Sharing:
    return Sharing(owner=record.owner, users=[known.user for known in record.shared_with])
