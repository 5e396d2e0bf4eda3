"""Creates campaigns: POST /api/v1/campaigns."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Header
from pydantic import AwareDatetime, BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from tansaku.deploy.web import creating
from tansaku.deploy.web.api.body import Body
from tansaku.deploy.web.api.checks import SpecText
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
    created = creating.create(services_of(request), actor, creating.Creation(new.spec, new.site, new.run))
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
