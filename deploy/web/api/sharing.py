"""Users who may steer a campaign: /api/v1/campaigns/NAME/sharing."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.requests import Request

from tansaku.deploy.web import owning
from tansaku.deploy.web.api.body import Body
from tansaku.deploy.web.auth.roles import Operator, Viewer
from tansaku.deploy.web.services import services_of
from tansaku.models.domain.records import CampaignRecord

router = APIRouter(prefix="/api/v1/campaigns", tags=["campaigns"])


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


def _view(record: CampaignRecord) -> Sharing:
    return Sharing(owner=record.owner, users=[known.user for known in record.shared_with])
