"""The page of a user's notifications, and its forms."""

from __future__ import annotations

from http import HTTPStatus
from typing import get_args

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from tansaku.deploy.web import notifying
from tansaku.deploy.web.auth.roles import Viewer
from tansaku.deploy.web.errors import ProblemError
from tansaku.deploy.web.forms import new_key
from tansaku.deploy.web.notifying import Wanted
from tansaku.deploy.web.pages.again import Forms, Sent
from tansaku.deploy.web.pages.refused import NOTHING, Form, Refused
from tansaku.deploy.web.pages.rendering import render
from tansaku.deploy.web.services import services_of
from tansaku.models.domain.accounts import Actor, Role
from tansaku.models.domain.errors import FieldError
from tansaku.models.domain.identifiers import is_name
from tansaku.models.domain.notifications import USUAL_HAPPENINGS, Channel, Happening
from tansaku.tasks.read.views.service_health import read_health

PATH = "/notifications"
CHANNELS: tuple[Channel, ...] = get_args(Channel)

router = APIRouter(prefix=PATH)


@router.get("")
def notifications_page(request: Request, actor: Viewer, campaign: str = "") -> Response:
    """Lists the user's subscriptions and latest messages."""
    return _notifications(request, actor, campaign)


def _notifications(request: Request, actor: Actor, campaign: str = "", refused: Refused = NOTHING) -> Response:
    services = services_of(request)
    site = services.notified.now()
    content = {
        "lines": notifying.lines(services, actor),
        "messages": notifying.messages(services, actor),
        "names": [name for name in services.sight(actor).names() if is_name(name)],
        "campaign": campaign,
        "happenings": list(Happening),
        "usual": USUAL_HAPPENINGS,
        "channels": [name for name in CHANNELS if name != "mail" or site.mail is not None],
        "networks": site.private_networks,
        "service_runs": read_health(services.requests).running,
        "key": new_key,
        "refused": refused,
    }
    return render(request, "notifications.html", content)


forms = Forms(router, Role.VIEWER, lambda sent, refused: _notifications(sent.request, sent.actor, refused=refused))


@forms.post("", "add")
def subscribe(sent: Sent) -> str:
    """Stores the subscription of a form."""
    channel = next((name for name in CHANNELS if name == sent.text("channel")), None)
    if channel is None:
        raise FieldError("channel", f"expected one of {', '.join(CHANNELS)}")
    chosen = tuple(happening for happening in Happening if sent.text(happening.value))
    wanted = Wanted(campaign=sent.text("campaign"), happenings=chosen, channel=channel, address=sent.text("address"))
    notifying.subscribe(sent.services, sent.actor, sent.text("key"), wanted)
    return PATH


@forms.post("/{subscription_id}", lambda sent: Form(sent.at("subscription_id"), sent.fields))
def change(sent: Sent) -> str:
    """Tests or removes the subscription of a form."""
    action, identifier = sent.text("action"), sent.at("subscription_id")
    if action == "remove":
        notifying.unsubscribe(sent.services, sent.actor, identifier)
    elif action == "test":
        notifying.send_test(sent.services, sent.actor, identifier)
    else:
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, "expected test or remove", key="action")
    return PATH
