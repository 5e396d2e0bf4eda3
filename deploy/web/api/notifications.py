"""A user's notifications: /api/v1/notifications. The service sends them."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Header
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from tansaku.deploy.web import notifying
from tansaku.deploy.web.api.body import Body, known
from tansaku.deploy.web.auth.roles import Viewer
from tansaku.deploy.web.notifying import SubscriptionLine, Wanted
from tansaku.deploy.web.services import services_of
from tansaku.models.domain.notifications import Channel, Happening, Message

router = APIRouter(prefix="/api/v1/notifications", tags=["notifications"])


class NewSubscription(Body):
    """A subscription: what is reported, and how."""

    campaign: str = Field(default="", max_length=63, examples=["al-110-tilt"])
    happenings: list[Happening] = Field(min_length=1, max_length=len(Happening), examples=[["finished", "needs_value"]])
    channel: Channel
    address: str = Field(max_length=2000, examples=["ada@example.org"])

    def wanted(self) -> Wanted:
        """The same for the command."""
        return Wanted(
            campaign=self.campaign,
            happenings=tuple(dict.fromkeys(self.happenings)),
            channel=self.channel,
            address=self.address,
        )


@router.get("")
def subscriptions(request: Request, actor: Viewer) -> list[SubscriptionLine]:
    """Lists the user's own subscriptions."""
    return notifying.lines(services_of(request), actor)


@router.get("/messages")
def messages(request: Request, actor: Viewer) -> list[Message]:
    """Lists the user's latest messages, the last first."""
    return notifying.messages(services_of(request), actor)


@router.post("", status_code=HTTPStatus.CREATED, responses=known(SubscriptionLine))
def subscribe(
    request: Request, response: Response, actor: Viewer, body: NewSubscription, idempotency_key: Annotated[str, Header()]
) -> SubscriptionLine:
    """Stores a subscription; repeating it with the same key is answered with 200."""
    stored, new = notifying.subscribe(services_of(request), actor, idempotency_key, body.wanted())
    if not new:
        response.status_code = HTTPStatus.OK
    return notifying.line(stored, body.campaign)


@router.post("/{subscription_id}/test", status_code=HTTPStatus.ACCEPTED)
def send_test(request: Request, actor: Viewer, subscription_id: str) -> Message:
    """Sends a test message within a minute."""
    return notifying.send_test(services_of(request), actor, subscription_id)


@router.delete("/{subscription_id}", status_code=HTTPStatus.NO_CONTENT)
def unsubscribe(request: Request, actor: Viewer, subscription_id: str) -> Response:
    """Removes a subscription."""
    notifying.unsubscribe(services_of(request), actor, subscription_id)
    return Response(status_code=HTTPStatus.NO_CONTENT)
