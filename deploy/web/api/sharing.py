"""Users who may steer a campaign: /api/v1/campaigns/NAME/sharing."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field
from starlette.requests import Request

from tansaku.deploy.web import sharing
from tansaku.deploy.web.api.body import Body
from tansaku.deploy.web.auth.roles import require
from tansaku.deploy.web.services import services_of
from tansaku.models.domain.accounts import Actor, Role
from tansaku.models.domain.records import CampaignRecord

router = APIRouter(prefix="/api/v1/campaigns", tags=["campaigns"])


class Users(Body):
    """Operators with whom a campaign is shared."""

    users: list[str] = Field(max_length=sharing.MOST_USERS, examples=[["ada"]])


class Sharing(BaseModel):
    """Users who may steer a campaign besides admins.

    Attributes:
        owner: Who created it on the dashboard; null: it was created on the command line.
        users: With whom it is shared.
    """

    owner: str | None
    users: list[str]


@router.get("/{name}/sharing")
def shown(request: Request, _: Annotated[Actor, Depends(require(Role.VIEWER))], name: str) -> Sharing:
    """Returns the owner, and the users with whom the campaign is shared."""
    return _view(services_of(request).store.campaign(name))


@router.put("/{name}/sharing")
def share(request: Request, actor: Annotated[Actor, Depends(require(Role.OPERATOR))], name: str, wanted: Users) -> Sharing:
    """Replaces the users with whom a campaign is shared, for admins and its owner."""
    return _view(sharing.share(services_of(request), actor, name, wanted.users))


def _view(record: CampaignRecord) -> Sharing:
    return Sharing(owner=record.owner, users=[known.user for known in record.shared_with])
