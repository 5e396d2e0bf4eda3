"""Leases of the processes that fill a site's queue: one at a time, timed by the server's clock."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal

from pydantic import AwareDatetime
from pymongo import ReturnDocument

from tansaku.models.domain.records import JsonDict, LeaseOwner, Record
from tansaku.tasks.backends.stores.mongo_errors import translated
from tansaku.tasks.backends.stores.mongo_schema import MongoDatabase

_COLLECTION = "site_workers"
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


class SiteWorker(Record):
    """The process that fills a site's queue, and its state.

    Attributes:
        kind: ``driver``: a campaign's driver in a thread; ``worker``: a dedicated process.
        launcher: Which launcher of that process.
        expires_at: Time by the server's clock after which others may take over unless the lease is renewed.
        alive: Whether that time is in the future.
        report: Its last report.
    """

    site: str
    kind: Literal["driver", "worker"]
    owner: LeaseOwner
    launcher: str
    since: AwareDatetime
    seen_at: AwareDatetime
    expires_at: AwareDatetime
    alive: bool
    report: JsonDict


class SiteWorkers:
    """Leases of sites' queues.

    Args:
        database: The campaigns' database.
    """

    def __init__(self, database: MongoDatabase) -> None:
        self._collection = database[_COLLECTION]

    def take(self, site: str, kind: str, owner: LeaseOwner, launcher: str, duration: float, *, steal: bool = False) -> bool:
        """Takes or renews the lease.

        Args:
            site: Whose queue.
            kind: See :class:`SiteWorker`.
            launcher: Which launcher of this process.
            duration: [s].
            steal: Take it before it expires, because its owner is known to be dead.

        Returns:
            Whether it is ours now.

        Raises:
            TransientError: The server did not answer.
        """
        with translated(f"taking the queue of site {site}"):
            empty = {"launcher": "", "since": _LONG_AGO, "expires_at": _LONG_AGO}
            self._collection.update_one({"_id": site}, {"$setOnInsert": empty}, upsert=True)
            mine = {"$eq": ["$launcher", launcher]}
            free = {"$lte": ["$expires_at", "$$NOW"]}
            taken = self._collection.find_one_and_update(
                {"_id": site} if steal else {"_id": site, "$expr": {"$or": [mine, free]}},
                [
                    {
                        "$set": {
                            "kind": kind,
                            "owner": {"$literal": owner.model_dump(mode="json")},
                            "since": {"$cond": [mine, "$since", "$$NOW"]},
                            "launcher": launcher,
                            "seen_at": "$$NOW",
                            "expires_at": {"$add": ["$$NOW", round(duration * 1000)]},
                        }
                    }
                ],
                return_document=ReturnDocument.AFTER,
            )
        return taken is not None

    def report(self, site: str, launcher: str, report: JsonDict) -> None:
        """Stores the report of the lease's holder; does nothing if the holder has changed."""
        with translated(f"reporting on the queue of site {site}"):
            self._collection.update_one({"_id": site, "launcher": launcher}, {"$set": {"report": report}})

    def release(self, site: str, launcher: str) -> None:
        """Releases the lease; does nothing if it is no longer ours."""
        with translated(f"releasing the queue of site {site}"):
            self._collection.update_one({"_id": site, "launcher": launcher}, {"$set": {"expires_at": _LONG_AGO}})

    def get(self, site: str) -> SiteWorker | None:
        """Returns the current or last holder of the lease, None if there was none."""
        with translated(f"reading the state of the queue of site {site}"):
            alive = {"$gt": ["$expires_at", "$$NOW"]}
            found = list(
                self._collection.aggregate([{"$match": {"_id": site, "owner": {"$exists": True}}}, {"$set": {"alive": alive}}])
            )
        if not found:
            return None
        document = found[0]
        return SiteWorker.model_validate({"site": document.pop("_id"), "report": document.pop("report", {}), **document})
