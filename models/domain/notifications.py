"""Notifications: subscriptions of users, the messages that they get, and the port of the store of both.

A service repeatedly stores a message for each event of a campaign under an id that follows from the event alone, and sends what
is due. So it may be killed at any point, and several services may work for one database.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal, Protocol

from pydantic import AwareDatetime, Field

from tansaku.models.domain.records import Count, Record

SUBSCRIPTION_ID_PATTERN = r"^[A-Za-z0-9-]{8,64}$"

MOST_SUBSCRIPTIONS = 100
"""Subscriptions of a user."""


class Happening(StrEnum):
    """Kind of event of a campaign that people want to know."""

    FINISHED = "finished"
    FAILED = "failed"
    NEEDS_VALUE = "needs_value"
    STUCK = "stuck"
    BUDGET = "budget"

    @property
    def words(self) -> str:
        """The event as a clause."""
        return _WORDS[self]


USUAL_HAPPENINGS = frozenset({Happening.FINISHED, Happening.FAILED, Happening.NEEDS_VALUE})
"""Events that most people want to know of."""

_WORDS = {
    Happening.FINISHED: "its search has ended",
    Happening.FAILED: "evaluations failed",
    Happening.NEEDS_VALUE: "it waits for a value",
    Happening.STUCK: "it stands still: the program that works on it has ended or does not answer",
    Happening.BUDGET: "90 % of its budget are used",
}

Channel = Literal["mail", "webhook", "slack", "mattermost", "teams"]
"""Ways to send a message: all but mail are a POST to an address, and differ in the content."""


class Subscription(Record):
    """A request for messages about events.

    Attributes:
        id: Chosen by the client; storing it twice has no further effect.
        user: Whose it is.
        campaign: Id of the campaign; None: all campaigns.
        happenings: What is reported.
        channel: How it is sent.
        address: A mail address, or an address with https.
        secret: With which the content for a ``webhook`` is signed, ``whsec_`` and base64; empty for other channels.
        known: Whether what had happened before it was stored is marked as such; nothing is sent before.
    """

    schema_version: Literal[1] = 1
    id: str = Field(pattern=SUBSCRIPTION_ID_PATTERN)
    user: str
    campaign: str | None = None
    happenings: Annotated[tuple[Happening, ...], Field(min_length=1)]
    channel: Channel
    address: str
    secret: str = ""
    created_at: AwareDatetime
    known: bool = False


class MessageState(StrEnum):
    """State of a message."""

    WAITING = "waiting"
    SENT = "sent"
    REFUSED = "refused"
    EARLIER = "earlier"
    """It happened before the subscription: nothing is sent."""


class Message(Record):
    """A message in the outbox.

    Attributes:
        id: Follows from the subscription and the event: it is stored once, and receivers recognise it by this.
        campaign: Name of the campaign at that time; empty: of a test.
        title: A line of text.
        text: All that is said, in plain text.
        attempts: How often sending was begun.
        due_at: When it is sent, or sent again.
        problem: Why the last attempt failed.
    """

    schema_version: Literal[1] = 1
    id: str
    subscription: str
    user: str
    campaign: str
    happening: str
    title: str
    text: str
    at: AwareDatetime
    state: MessageState = MessageState.WAITING
    attempts: Count = 0
    due_at: AwareDatetime
    ended_at: AwareDatetime | None = None
    problem: str = ""


class Notifications(Protocol):
    """Store of subscriptions and of the outbox."""

    def subscribe(self, subscription: Subscription) -> Subscription:
        """Stores a subscription; returns the stored one of its id."""
        ...

    def subscriptions(self) -> list[Subscription]:
        """All subscriptions, the oldest first."""
        ...

    def mark_known(self, subscription_id: str) -> None:
        """Notes that what had happened before the subscription is marked as such."""
        ...

    def unsubscribe(self, subscription_id: str) -> None:
        """Deletes a subscription; its waiting messages are never sent."""
        ...

    def post(self, message: Message) -> bool:
        """Puts a message into the outbox; returns whether its id is new."""
        ...

    def take_due(self, now: AwareDatetime, until: AwareDatetime) -> Message | None:
        """Takes a waiting message that is due, with one attempt more, and makes it due again at ``until``; None: there is none.

        So no other service sends it meanwhile, and a service that is killed leaves it to the next one.
        """
        ...

    def waiting(self) -> int:
        """Number of messages that are to be sent."""
        ...

    def settle(self, message: Message) -> None:
        """Stores state, time and problem of a message after an attempt."""
        ...

    def messages(self, user: str, limit: int) -> list[Message]:
        """The latest messages of a user, the last first, without those of before a subscription."""
        ...
