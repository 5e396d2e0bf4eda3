"""Copying and renaming of campaigns: /api/v1/campaigns/NAME/copies and /name."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from tansaku.deploy.web import copying, owning
from tansaku.deploy.web.api.body import Body
from tansaku.deploy.web.api.creation import CreatedCampaign, created_view
from tansaku.deploy.web.api.runs import RunRequest, request_view
from tansaku.deploy.web.auth.roles import Operator
from tansaku.deploy.web.services import services_of

router = APIRouter(prefix="/api/v1/campaigns", tags=["creation"])

Name = Annotated[str, Field(max_length=100, examples=["rows-2"])]


class NewCopy(Body):
    """A copy of a campaign, with new values by dotted key of its spec; it is run if ``run`` is true."""

    name: Name
    changes: dict[str, Any] = Field(default={}, max_length=20, examples=[{"budget.evaluations": 500}])
    run: bool = False


class NewName(Body):
    """The new name of a campaign."""

    name: Name


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
