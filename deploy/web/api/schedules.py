"""Schedules of campaigns and trainings: /api/v1/schedules. The service carries them out."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Header
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from tansaku.deploy.web import scheduling
from tansaku.deploy.web.api.body import Body, known
from tansaku.deploy.web.api.listing import LARGEST, LINKED, After, Limit, linked, page
from tansaku.deploy.web.api.trainings import NewTraining
from tansaku.deploy.web.auth.roles import Operator, Viewer
from tansaku.deploy.web.errors import ProblemError
from tansaku.deploy.web.services import services_of
from tansaku.models.domain.errors import FieldError
from tansaku.models.domain.trainings import WantedModel
from tansaku.tasks.read.views.schedules import ScheduleLine

router = APIRouter(prefix="/api/v1/schedules", tags=["schedules"])

Revision = Annotated[str | None, Header(alias="If-Match")]


class NewTiming(Body):
    """Times at which runs are started."""

    cron: str = Field(max_length=100, examples=["30 2 * * 1-5"])
    zone: str = Field(default="UTC", max_length=100, examples=["Europe/Berlin"])
    active: bool = True

    def timing(self) -> scheduling.Timing:
        """The same for the command."""
        return scheduling.Timing(cron=self.cron, zone=self.zone, active=self.active)


class NewSchedule(NewTiming):
    """A schedule of a campaign, or of a training of a model."""

    campaign: str | None = Field(default=None, max_length=63, examples=["al-110-tilt"])
    training: NewTraining | None = Field(default=None, description="Instead of a campaign.")

    def starts(self) -> str | WantedModel:
        """The campaign or training. Raises FieldError unless it is exactly one."""
        if self.campaign is not None and self.training is None:
            return self.campaign
        if self.training is not None and self.campaign is None:
            return self.training.wanted()
        raise FieldError("campaign", "expected either campaign or training")


@router.get("", responses=LINKED)
def schedules(
    request: Request, response: Response, actor: Viewer, limit: Limit = LARGEST, after: After = None
) -> list[ScheduleLine]:
    """Lists the schedules, including those made on Prefect's own page, which are read-only."""
    found = scheduling.lines(services_of(request), actor)
    return linked(request, response, page(found, lambda line: line.id, limit, after))


@router.post("", status_code=HTTPStatus.CREATED, responses=known(ScheduleLine))
def create(
    request: Request, response: Response, actor: Operator, body: NewSchedule, idempotency_key: Annotated[str, Header()]
) -> ScheduleLine:
    """Stores a schedule; repeating it with the same key is answered with 200."""
    services = services_of(request)
    stored, new = scheduling.create(services, actor, idempotency_key, body.starts(), body.timing())
    if not new:
        response.status_code = HTTPStatus.OK
    response.headers["ETag"] = f'"{stored.version}"'
    return scheduling.line(services, stored)


@router.put("/{schedule_id}")
def change(
    request: Request, response: Response, actor: Operator, schedule_id: str, body: NewTiming, if_match: Revision = None
) -> ScheduleLine:
    """Changes times, or switches a schedule on or off; requires the schedule's present revision as If-Match."""
    services = services_of(request)
    revision = _revision(if_match)
    if revision is None:
        raise ProblemError(HTTPStatus.PRECONDITION_REQUIRED, "a change needs the revision it starts from", key="If-Match")
    stored = scheduling.change(services, actor, schedule_id, body.timing(), revision)
    response.headers["ETag"] = f'"{stored.version}"'
    return scheduling.line(services, stored)


@router.delete("/{schedule_id}", status_code=HTTPStatus.NO_CONTENT)
def remove(request: Request, actor: Operator, schedule_id: str, if_match: Revision = None) -> Response:
    """Removes a schedule; the service removes it from the Prefect server."""
    scheduling.remove(services_of(request), actor, schedule_id, _revision(if_match))
    return Response(status_code=HTTPStatus.NO_CONTENT)


def _revision(text: str | None) -> int | None:
    if text is None:
        return None
    digits = text.strip().strip('"')
    return int(digits) if digits.isdecimal() and len(digits) < 16 else -1
