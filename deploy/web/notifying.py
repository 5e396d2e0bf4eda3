"""Subscriptions to notifications: each user's own, with an entry in the audit. A service sends the messages."""

from __future__ import annotations

import base64
import secrets
from urllib.parse import urlsplit

from tansaku.deploy.web.services import Services
from tansaku.deploy.web.steering import check_address_key
from tansaku.models.domain.accounts import Actor
from tansaku.models.domain.errors import FieldError, NotFoundError, StoreError
from tansaku.models.domain.notifications import (
    MOST_SUBSCRIPTIONS,
    Channel,
    Happening,
    Message,
    Subscription,
)
from tansaku.models.domain.records import JsonDict, Record
from tansaku.tasks.act.checks.sight import sees_campaign
from tansaku.tasks.act.commands.audit import Change, entry_id, record_change
from tansaku.tasks.act.notifications.sending import Sender

MOST_MESSAGES = 50


class Wanted(Record):
    """A request for messages about events.

    Attributes:
        campaign: Name of the campaign; empty: all.
        happenings: What is reported.
        channel: How it is sent.
        address: Where to.
    """

    campaign: str
    happenings: tuple[Happening, ...]
    channel: Channel
    address: str


class SubscriptionLine(Record):
    """A subscription as its user sees it.

    Attributes:
        campaign: Name of the campaign; empty: all campaigns.
        address: A mail address; of a webhook only host and port, for the rest is a secret.
        secret: With which a receiver checks the signature; empty where nothing is signed.
    """

    id: str
    campaign: str
    happenings: tuple[Happening, ...]
    channel: Channel
    address: str
    secret: str


def subscribe(services: Services, actor: Actor, key: str, wanted: Wanted) -> tuple[Subscription, bool]:
    """Stores a subscription; a repeated key stores nothing. Returns it, and whether this call stored it.

    Raises:
        ProblemError: The key cannot be one.
        FieldError: Nothing is chosen, there are too many, or the address cannot be used.
        NotFoundError: There is no such campaign.
        StoreError: The key belongs to another user's.
    """
    check_address_key(key)
    services.sight(actor).check(wanted.campaign)
    if not wanted.happenings:
        raise FieldError("happenings", "nothing is chosen; expected one at least")
    address = wanted.address.strip()
    Sender(services.notified.now()).check(wanted.channel, address)
    every = services.notifications.subscriptions()
    known = any(found.id == key for found in every)
    if not known and sum(found.user == actor.name for found in every) >= MOST_SUBSCRIPTIONS:
        raise FieldError("address", f"a user has {MOST_SUBSCRIPTIONS} subscriptions at most; remove one before")
    signed = wanted.channel == "webhook"
    stored = services.notifications.subscribe(
        Subscription(
            id=key,
            user=actor.name,
            campaign=services.store.campaign(wanted.campaign).id if wanted.campaign else None,
            happenings=wanted.happenings,
            channel=wanted.channel,
            address=address,
            secret=f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}" if signed else "",
            created_at=services.clock(),
        )
    )
    if stored.user != actor.name:
        raise StoreError(f"subscription {key} is of another user")
    if not known:
        _audit(services, actor, "notification.subscribe", after=_shown(stored))
    return stored, not known


def unsubscribe(services: Services, actor: Actor, identifier: str) -> None:
    """Deletes a subscription. Raises NotFoundError unless it is the user's."""
    known = _own(services, actor, identifier)
    services.notifications.unsubscribe(identifier)
    _audit(services, actor, "notification.unsubscribe", before=_shown(known))


def send_test(services: Services, actor: Actor, identifier: str) -> Message:
    """Puts a test message for a subscription into the outbox. Raises NotFoundError unless it is the user's."""
    known, now = _own(services, actor, identifier), services.clock()
    message = Message(
        id=f"{known.id}:test:{entry_id(now)}",
        subscription=known.id,
        user=actor.name,
        campaign="",
        happening="test",
        title="A test message of tansaku",
        text=f"{actor.name} asked for it on the dashboard.",
        at=now,
        due_at=now,
    )
    services.notifications.post(message)
    _audit(services, actor, "notification.test", after={"id": known.id})
    return message


def lines(services: Services, actor: Actor) -> list[SubscriptionLine]:
    """Returns the user's subscriptions."""
    own = [known for known in services.notifications.subscriptions() if known.user == actor.name]
    names = {known.campaign: _name_of(services, actor, known.campaign) for known in own if known.campaign is not None}
    return [line(known, names.get(known.campaign or "", "")) for known in own]


def line(known: Subscription, campaign: str) -> SubscriptionLine:
    """A subscription as its user sees it.

    Args:
        campaign: Name of its campaign.
    """
    mail = known.channel == "mail"
    return SubscriptionLine(
        id=known.id,
        campaign="" if known.campaign is None else campaign,
        happenings=known.happenings,
        channel=known.channel,
        address=known.address if mail else _host(known.address),
        secret=known.secret,
    )


def messages(services: Services, actor: Actor) -> list[Message]:
    """Returns the user's latest messages, the last first, without those about campaigns that the user may not see any more."""
    sight = services.sight(actor)
    return [known for known in services.notifications.messages(actor.name, MOST_MESSAGES) if sight.sees(known.campaign)]


def _name_of(services: Services, actor: Actor, campaign: str) -> str:
    if not sees_campaign(services.accounts, actor, campaign):
        return "(deleted)"
    try:
        return services.store.campaign_of(campaign).name
    except NotFoundError:
        return "(deleted)"


def _own(services: Services, actor: Actor, identifier: str) -> Subscription:
    every = services.notifications.subscriptions()
    found = next((known for known in every if known.id == identifier and known.user == actor.name), None)
    if found is None:
        raise NotFoundError(f"you have no subscription {identifier[:64]!r}")
    return found


def _host(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}/…"  # an address with a user is refused


def _shown(known: Subscription) -> JsonDict:
    shown = known.model_dump(mode="json", include={"id", "campaign", "happenings", "channel"})
    return shown | {"address": known.address if known.channel == "mail" else _host(known.address)}


def _audit(services: Services, actor: Actor, action: str, **values: JsonDict) -> None:
    record_change(services.accounts, actor, Change(action, f"user:{actor.name}", **values), services.clock())
