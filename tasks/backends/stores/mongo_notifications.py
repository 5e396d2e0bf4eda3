"""Subscriptions and the outbox of notifications in MongoDB; no dump contains them.

Lists leave out documents that cannot be read, so that one of them keeps no message from the others.
"""

from __future__ import annotations

from datetime import datetime
from functools import cached_property

from pymongo import ASCENDING, DESCENDING, IndexModel, ReturnDocument
from pymongo.errors import DuplicateKeyError

from tansaku.models.domain.notifications import Message, MessageState, Subscription
from tansaku.tasks.backends.stores.documents import from_document, readable_of, to_document
from tansaku.tasks.backends.stores.mongo_errors import translated
from tansaku.tasks.backends.stores.mongo_schema import MongoCollection, MongoDatabase, build_indexes, durable

SUBSCRIPTIONS, OUTBOX = "web_subscriptions", "web_outbox"

NOTIFICATION_COLLECTIONS = (SUBSCRIPTIONS, OUTBOX)

OUTBOX_INDEXES = (
    IndexModel([("state", ASCENDING), ("due_at", ASCENDING)]),
    IndexModel([("user", ASCENDING), ("at", DESCENDING)]),
)


class MongoNotifications:
    """``Notifications`` in MongoDB."""

    def __init__(self, database: MongoDatabase) -> None:
        self._database = durable(database)
        self._subscriptions = self._database[SUBSCRIPTIONS]

    @cached_property
    def _outbox(self) -> MongoCollection:
        """The messages, with their indexes: built when they are first used, so that other commands need not wait."""
        with translated("opening the outbox"):
            build_indexes(self._database[OUTBOX], OUTBOX_INDEXES)
        return self._database[OUTBOX]

    def subscribe(self, subscription: Subscription) -> Subscription:
        """Stores a subscription; returns the stored one of its id."""
        document = to_document(subscription, key="id")
        with translated(f"storing subscription {subscription.id}"):
            try:
                self._subscriptions.insert_one(dict(document))
            except DuplicateKeyError:
                document = self._subscriptions.find_one({"_id": subscription.id}) or document
        return from_document(Subscription, document, key="id")

    def subscriptions(self) -> list[Subscription]:
        """All, the oldest first."""
        with translated("reading subscriptions"):
            found = self._subscriptions.find().sort([("created_at", ASCENDING), ("_id", ASCENDING)])
            return readable_of(Subscription, found, key="id")[0]

    def mark_known(self, subscription_id: str) -> None:
        """Notes that what had happened before the subscription is marked as such."""
        with translated(f"changing subscription {subscription_id}"):
            self._subscriptions.update_one({"_id": subscription_id}, {"$set": {"known": True}})

    def unsubscribe(self, subscription_id: str) -> None:
        """Deletes a subscription."""
        with translated(f"deleting subscription {subscription_id}"):
            self._subscriptions.delete_one({"_id": subscription_id})

    def post(self, message: Message) -> bool:
        """Puts a message into the outbox; returns whether its id is new."""
        document = to_document(message, key="id")
        with translated(f"storing message {message.id}"):
            try:
                self._outbox.insert_one(document)
            except DuplicateKeyError:
                return False
        return True

    def take_due(self, now: datetime, until: datetime) -> Message | None:
        """Takes a waiting message that is due; None: there is none."""
        with translated("taking a message"):
            found = self._outbox.find_one_and_update(
                {"state": MessageState.WAITING, "due_at": {"$lte": now}},
                {"$set": {"due_at": until}, "$inc": {"attempts": 1}},
                sort=[("due_at", ASCENDING)],
                return_document=ReturnDocument.AFTER,
            )
        return None if found is None else from_document(Message, found, key="id")

    def settle(self, message: Message) -> None:
        """Stores state, time and problem of a message after an attempt."""
        values = to_document(message)
        changed = {key: values.get(key) for key in ("state", "due_at", "ended_at", "problem")}
        with translated(f"changing message {message.id}"):
            self._outbox.update_one({"_id": message.id}, {"$set": changed})

    def waiting(self) -> int:
        """Number of messages that are to be sent."""
        with translated("counting messages"):
            return self._outbox.count_documents({"state": MessageState.WAITING})

    def messages(self, user: str, limit: int) -> list[Message]:
        """The latest of a user, the last first."""
        with translated("reading messages"):
            wanted = {"user": user, "state": {"$ne": MessageState.EARLIER}}
            found = self._outbox.find(wanted).sort([("at", DESCENDING), ("_id", ASCENDING)]).limit(limit)
            return readable_of(Message, found, key="id")[0]
