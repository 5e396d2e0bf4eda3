"""Each event is sent once to whom it concerns, however often and wherever the notifier runs and dies."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from tansaku.models.domain.accounts import Role, User
from tansaku.models.domain.notifications import Happening, Message, MessageState
from tansaku.models.domain.projects import Project
from tansaku.models.domain.roles import ProjectRole
from tansaku.models.domain.specs.notifications import NotificationsSpec
from tansaku.models.domain.states import StopReason
from tansaku.tasks.act.notifications.notifier import Notifier
from tansaku.tasks.act.notifications.sending import Sender
from tansaku.tasks.backends.stores.mongo_accounts import MongoAccounts
from tansaku.tasks.backends.stores.mongo_notifications import MongoNotifications
from tansaku.tasks.read.views.readings import Readings
from tests.unit.tasks.act.notifications.conftest import NOON, subscription

SITE = NotificationsSpec(private_networks=("127.0.0.0/8",), page="https://tansaku.example.org")


class Setting:
    """A notifier on a database; the clock is set by hand."""

    def __init__(self, store, database, hook) -> None:
        self.now, self.store, self.hook = NOON, store, hook
        self.notifications, self.accounts = MongoNotifications(database), MongoAccounts(database)
        self.accounts.add_user(User(name="ada", role=Role.VIEWER, created_at=NOON))
        self.notifier = self.fresh()

    def fresh(self) -> Notifier:
        """A notifier of another process."""
        return Notifier(Readings(self.store), self.notifications, self.accounts, Sender(SITE), lambda: self.now)

    def subscribe(self, **changes: object) -> None:
        wanted = subscription("webhook", f"http://127.0.0.1:{self.hook.port}/", **changes)
        self.notifications.subscribe(wanted)

    def titles(self) -> list[str]:
        return [json.loads(body)["data"]["title"] for _, _, body in self.hook.requests]

    def look(self, minutes: float = 0.0) -> list[str]:
        self.now += timedelta(minutes=minutes)
        self.notifier.look()
        return self.titles()


@pytest.fixture
def ended(recorded, emptied_database, hook):
    """A campaign that has ended, with one failure."""
    return Setting(recorded("a1", "a3", stop=StopReason.BUDGET), emptied_database, hook)


TOLD = ["small-table has ended: its cost was spent", "small-table: 1 evaluation failed"]


def test_each_event_is_sent_once(ended):
    ended.subscribe(known=True)
    assert ended.look() == TOLD
    assert ended.look(5) == TOLD
    ended.notifier = ended.fresh()
    assert ended.look(5) == TOLD
    assert json.loads(ended.hook.requests[0][2])["data"]["text"].endswith("https://tansaku.example.org/campaigns/small-table")
    assert {entry.action for entry in ended.accounts.audit()} == {"notification.sent"}
    assert {message.state for message in ended.notifications.messages("ada", 10)} == {MessageState.SENT}


def test_what_is_due_is_sent_between_two_looks(ended):
    ended.subscribe(known=True)
    (known,) = ended.notifications.subscriptions()
    said = {"title": "A test", "text": "", "campaign": "", "happening": "test", "at": NOON, "due_at": NOON}
    ended.notifications.post(Message(id="t", subscription=known.id, user="ada", **said))
    ended.notifier.send_due()
    assert ended.titles() == ["A test"]


def test_what_happened_before_a_subscription_is_not_told(ended):
    (line,) = ended.notifier.readings.lines()
    ended.subscribe(created_at=line.updated)
    assert ended.look() == ended.look(5) == []
    assert ended.notifications.subscriptions()[0].known
    assert ended.notifications.messages("ada", 10) == []


def test_a_campaign_that_ends_before_the_first_look_is_told(ended):
    (line,) = ended.notifier.readings.lines()
    ended.subscribe(created_at=line.updated - timedelta(seconds=1))
    assert ended.look() == ["small-table has ended: its cost was spent"]


def test_only_what_was_chosen_of_the_chosen_campaign_is_told(ended):
    identifier = ended.store.campaign("small-table").id
    ended.subscribe(known=True, campaign="another")
    ended.subscribe(id="second-subscription", known=True, campaign=identifier, happenings=(Happening.FAILED,))
    assert ended.look() == TOLD[1:]


def test_a_killed_process_leaves_its_message_to_the_next(ended, monkeypatch):
    ended.subscribe(known=True, happenings=(Happening.FINISHED,))

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as dying:
        dying.setattr(Sender, "send", die)
        with pytest.raises(KeyboardInterrupt):
            ended.look()
    ended.notifier = ended.fresh()
    assert ended.look() == []  # it may still be sending
    assert ended.look(1.1) == TOLD[:1]
    assert ended.notifications.messages("ada", 1)[0].attempts == 2


def test_a_receiver_that_fails_is_asked_again_and_then_given_up(ended):
    ended.subscribe(known=True, happenings=(Happening.FINISHED,))
    ended.hook.status = 503
    for number, minutes in enumerate((0, 1, 5, 30, 120, 480), start=1):
        assert len(ended.look(minutes)) == number
    assert len(ended.look(10_000)) == 6
    (message,) = ended.notifications.messages("ada", 10)
    assert (message.state, message.problem) == (MessageState.REFUSED, "the receiver answered 503")
    assert [entry.action for entry in ended.accounts.audit()] == ["notification.refused"]


@pytest.mark.parametrize("gone", ["user", "subscription"])
def test_nobody_who_is_gone_is_told(ended, gone):
    ended.subscribe(known=True, happenings=(Happening.FINISHED,))
    ended.subscribe(id="keeps-it-running", known=True, campaign="another")
    ended.hook.status = 503
    ended.look()
    ended.hook.status = 204
    if gone == "user":
        ended.accounts.replace_user(ended.accounts.user("ada").model_copy(update={"disabled": True}))
    else:
        ended.notifications.unsubscribe("the-subscription")
    assert len(ended.look(2)) == 1
    assert ended.notifications.messages("ada", 1)[0].state is MessageState.REFUSED


def test_of_a_private_project_only_members_are_told_even_of_what_waits_already(ended):
    """A message that waits is refused when its user leaves the project."""
    ended.accounts.add_project(Project(name="tilt", created_by="bob", created_at=NOON))
    identifier = ended.store.campaign("small-table").id
    ended.accounts.place_campaign(identifier, "tilt")
    ended.subscribe(known=True, happenings=(Happening.FINISHED,))
    ended.subscribe(id="of-the-campaign", known=True, campaign=identifier)
    assert ended.look() == []
    assert ended.notifications.messages("ada", 10) == []
    project = ended.accounts.project("tilt")
    members = project.with_member("ada", ProjectRole.VIEWER, NOON)
    ended.accounts.replace_project(project.model_copy(update={"members": members}))
    ended.hook.status = 503
    assert set(ended.look(1)) == set(TOLD)
    tried, ended.hook.status = len(ended.hook.requests), 204
    ended.accounts.replace_project(ended.accounts.project("tilt").model_copy(update={"members": ()}))
    ended.look(2)
    assert len(ended.hook.requests) == tried
    assert {message.state for message in ended.notifications.messages("ada", 10)} == {MessageState.REFUSED}
