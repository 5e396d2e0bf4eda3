"""Time that passes for requests and reports of services: they are judged by the clock of MongoDB's server."""

from __future__ import annotations

from tansaku.tasks.backends.stores.mongo_requests import REQUESTS, SERVICES
from tansaku.tasks.backends.stores.mongo_schema import MongoDatabase


def let_pass(database: MongoDatabase, seconds: float) -> None:
    """Moves into the past when services were last seen and until when requests are held.

    Args:
        database: Of the requests.
        seconds: How far [s].
    """
    for collection, key in ((SERVICES, "seen_at"), (REQUESTS, "held_until")):
        earlier = {"$subtract": [f"${key}", round(seconds * 1000)]}
        database[collection].update_many({key: {"$ne": None}}, [{"$set": {key: earlier}}])
