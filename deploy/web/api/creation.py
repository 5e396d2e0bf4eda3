"""Creates, copies and renames campaigns: /api/v1/campaigns, and below a NAME /copies and /name."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Header
from pydantic import AwareDatetime, BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from tansaku.deploy.web import copying, creating, owning
from tansaku.deploy.web.api.body import Body
from tansaku.deploy.web.api.checks import SpecText
from tansaku.deploy.web.api.runs import RunRequest, request_view
from tansaku.deploy.web.auth.roles import Operator
from tansaku.deploy.web.pages.formats import campaign_address
from tansaku.deploy.web.services import services_of
from tansaku.tasks.act.commands.create_web import Created

router = APIRouter(prefix="/api/v1/campaigns", tags=["creation"])


class NewCampaign(Body):
    """A campaign to be created, and run if ``run`` is true."""

    spec: SpecText
    site: Annotated[str, Field(max_length=63)] | None = None
    run: bool = False
    project: Annotated[str, Field(max_length=63, description="That it is put into; empty: none.")] = ""


class CreatedCampaign(BaseModel):
    """A created campaign."""

    name: str
    spec_hash: str
    created_at: AwareDatetime
    new: bool


@router.post(
    "",
    status_code=HTTPStatus.CREATED,
    responses={
        200: {"model": CreatedCampaign, "description": "Known with the same spec"},
        409: {"description": "Known with another spec"},
        422: {"description": "The spec is wrong; problem+json with key, line and all problems"},
    },
)
def add_campaign(
    request: Request,
    response: Response,
    actor: Operator,
    new: NewCampaign,
    idempotency_key: Annotated[str | None, Header(pattern=r"^[A-Za-z0-9._:-]{8,64}$")] = None,
) -> CreatedCampaign:
    """Creates a campaign; spends nothing unless it is run. Its name makes it unique, so an Idempotency-Key is not needed."""
    del idempotency_key
    created = creating.create(services_of(request), actor, creating.Creation(new.spec, new.site, new.run, project=new.project))
    return created_view(response, created)


def created_view(response: Response, created: Created) -> CreatedCampaign:
    """The answer to a creation: 201 with the campaign's address, or 200 if the campaign existed already.

    Args:
        response: Whose status and headers are set.
    """
    if not created.new:
        response.status_code = HTTPStatus.OK
    record = created.record
    response.headers["Location"] = f"/api/v1{campaign_address(record.name)}"
    return CreatedCampaign(name=record.name, spec_hash=record.spec_hash, created_at=record.created_at, new=created.new)


_Name = Annotated[str, Field(max_length=100, examples=["rows-2"])]


class NewCopy(Body):
    """A copy of a campaign, with new values by dotted key of its spec; it is run if ``run`` is true."""

    name: _Name
    changes: dict[str, Any] = Field(default={}, max_length=20, examples=[{"budget.evaluations": 500}])
    run: bool = False


class NewName(Body):
    """The new name of a campaign."""

    name: _Name


class RenamedCampaign(BaseModel):
    """A campaign with a new name.

    Attributes:
        was: Its old name.
        followers: Always empty: campaigns that learn from it know it by its id.
    """

    name: str
    was: str
    followers: list[str]


@router.post(
    "/{name}/copies",
    status_code=HTTPStatus.CREATED,
    responses={
        200: {"model": CreatedCampaign, "description": "Known with the same spec"},
        409: {"description": "Known with another spec"},
        422: {"description": "The copy is wrong; problem+json with key and all problems"},
    },
)
def copy_campaign(request: Request, response: Response, actor: Operator, name: str, new: NewCopy) -> CreatedCampaign:
    """Creates a campaign with the spec of another one, without its evaluations; repeating it is answered with 200."""
    created = copying.copy(services_of(request), actor, name, copying.Copy(new.name, new.changes, new.run))
    return created_view(response, created)


@router.put(
    "/{name}/name",
    responses={202: {"model": RunRequest, "description": "The service renames it; /runs/ID says when"}},
    response_model=RenamedCampaign,
)
def rename_campaign(request: Request, actor: Operator, name: str, new: NewName) -> Response:
    """Renames a campaign, for admins and its owner; repeating it changes nothing."""
    asked = owning.rename(services_of(request), actor, name, new.name)
    if asked is not None:
        return Response(request_view(asked).model_dump_json(), HTTPStatus.ACCEPTED, media_type="application/json")
    renamed = RenamedCampaign(name=new.name, was=name, followers=[])
    return Response(renamed.model_dump_json(), media_type="application/json")
