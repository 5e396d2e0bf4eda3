"""Stores a message for each event that somebody wants to hear of, and sends what is due.

The message of an event has an id that follows from the event: however often and wherever this runs, it is stored once. It is
taken before it is sent and settled after; where a process is killed between the two, it is sent again under the same id.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from urllib.parse import quote

from tansaku.models.domain.accounts import Accounts, Actor, Role
from tansaku.models.domain.errors import TransientError
from tansaku.models.domain.notifications import Happening, Message, MessageState, Notifications, Subscription
from tansaku.tasks.act.checks.rights import may_steer
from tansaku.tasks.act.checks.sight import Sight
from tansaku.tasks.act.commands.audit import Change, record_change
from tansaku.tasks.act.notifications.events import Event, events_of
from tansaku.tasks.act.notifications.sending import RefusedError, Sender
from tansaku.tasks.read.views.readings import CampaignLine, Readings
from tansaku.tasks.read.views.status import status_of

_TAKEN = timedelta(minutes=1)  # longer than an attempt lasts
_PAUSES = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 30, 120, 480))
_MOST_AT_ONCE = 50


@dataclass(frozen=True)
class Notifier:
    """Looks for events and sends messages.

    Attributes:
        readings: Of the campaigns.
        notifications: Subscriptions and outbox.
        accounts: Users and audit.
        sender: Sends.
        now: Current time.
        posted: Ids of messages that are known to be stored, so that each is stored once and not tried again and again.
    """

    readings: Readings
    notifications: Notifications
    accounts: Accounts
    sender: Sender
    now: Callable[[], datetime]
    posted: set[str] = field(default_factory=set)

    def look(self) -> None:
        """Stores the messages of what has happened since, and sends those that are due.

        Raises:
            TransientError: The database does not answer.
        """
        subscriptions = self.notifications.subscriptions()
        if not subscriptions:
            return
        self._post_all(subscriptions)
        self.send_due()

    def send_due(self) -> None:
        """Sends the messages that are due. Raises as :meth:`look`."""
        for _ in range(_MOST_AT_ONCE):
            now = self.now()
            message = self.notifications.take_due(now, now + _TAKEN)
            if message is None:
                return
            subscriptions = self.notifications.subscriptions()
            self._send(message, next((known for known in subscriptions if known.id == message.subscription), None))

    def _post_all(self, subscriptions: Iterable[Subscription]) -> None:
        found = [
            (line, events_of(line, self.now(), partial(self._limits, line.name)))
            for line in self.readings.lines()
            if isinstance(line, CampaignLine)
        ]
        for subscription in subscriptions:
            sight = self._sight_of(subscription.user)
            for line, events in found:
                if subscription.campaign in (None, line.id) and sight is not None and line.id not in sight.hidden:
                    self._post(subscription, line, self._meant_for(sight.actor, line, events))
            if not subscription.known:
                self.notifications.mark_known(subscription.id)

    def _meant_for(self, actor: Actor, line: CampaignLine, events: list[Event]) -> list[Event]:
        """The events that concern a user: only who may report a value is asked for it."""
        may = may_steer(self.accounts, actor, line)
        return [event for event in events if may or event.happening is not Happening.NEEDS_VALUE]

    def _post(self, subscription: Subscription, line: CampaignLine, events: Iterable[Event]) -> None:
        now = self.now()
        for event in events:
            identifier = f"{subscription.id}:{line.id}:{event.happening.value}:{event.mark}"
            if event.happening not in subscription.happenings or identifier in self.posted:
                continue
            message = Message(
                id=identifier,
                subscription=subscription.id,
                user=subscription.user,
                campaign=line.name,
                happening=event.happening.value,
                title=event.title,
                text="\n".join(filter(None, (event.text, self._link(line.name)))),
                at=now,
                state=_state_of(event, line, subscription),
                due_at=now,
            )
            self.notifications.post(message)
            self.posted.add(identifier)

    def _limits(self, name: str) -> str:
        """Limits of a campaign's budget in words, which change when it gets more."""
        return ", ".join(used.limit for used in status_of(self.readings.reading(name)).budget)

    def _link(self, name: str) -> str:
        page = self.sender.site.page
        return "" if page is None else f"{page.rstrip('/')}/campaigns/{quote(name)}"

    def _send(self, message: Message, subscription: Subscription | None) -> None:
        now = self.now()
        sight = self._sight_of(message.user)
        if subscription is None or sight is None or not sight.sees(message.campaign):
            ended = {"state": MessageState.REFUSED, "ended_at": now, "problem": "nobody is subscribed any more"}
            self.notifications.settle(message.model_copy(update=ended))
            return
        try:
            self.sender.send(subscription, message, now)
        except TransientError as error:
            self._settle_failed(message, error.message, again=message.attempts <= len(_PAUSES))
        except RefusedError as error:
            self._settle_failed(message, error.message, again=False)
        else:
            self._end(message, MessageState.SENT, "")

    def _settle_failed(self, message: Message, problem: str, *, again: bool) -> None:
        if again:
            due = self.now() + _PAUSES[message.attempts - 1]
            self.notifications.settle(message.model_copy(update={"due_at": due, "problem": problem}))
        else:
            self._end(message, MessageState.REFUSED, problem)

    def _end(self, message: Message, state: MessageState, problem: str) -> None:
        now = self.now()
        self.notifications.settle(message.model_copy(update={"state": state, "ended_at": now, "problem": problem}))
        said = {"user": message.user, "happening": message.happening, "attempts": message.attempts}
        if problem:
            said["problem"] = problem
        change = Change(f"notification.{state.value}", f"campaign:{message.campaign}", after=said)
        record_change(self.accounts, _SERVICE, change, now)

    def _sight_of(self, user: str) -> Sight | None:
        """The campaigns that a user may see; None: the user is no longer one."""
        found = self.accounts.user(user)
        if found is None or found.disabled:
            return None
        return Sight(self.accounts, self.readings.store, Actor(name=user, role=found.role))


_SERVICE = Actor(name="service", role=Role.VIEWER)


def _state_of(event: Event, line: CampaignLine, subscription: Subscription) -> MessageState:
    """State of a new message. A campaign may end before the notifier knows of the subscription."""
    has_ended_since = event.happening is Happening.FINISHED and line.updated > subscription.created_at
    return MessageState.WAITING if subscription.known or has_ended_since else MessageState.EARLIER
