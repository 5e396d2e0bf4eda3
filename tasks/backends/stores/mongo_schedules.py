"""Schedules in MongoDB; no dump contains them.

Lists leave out documents that cannot be read, so that one of them does not keep a service from the others.
"""

from __future__ import annotations

from datetime import datetime

from pymongo import ASCENDING
from pymongo.errors import DuplicateKeyError

from tansaku.models.domain.schedules import Schedule, ScheduleMirror
from tansaku.tasks.backends.stores.documents import from_document, readable_of, to_document
from tansaku.tasks.backends.stores.mongo_errors import translated
from tansaku.tasks.backends.stores.mongo_schema import MongoDatabase, durable

SCHEDULES, MIRRORS = "web_schedules", "web_schedule_mirrors"

SCHEDULE_COLLECTIONS = (SCHEDULES, MIRRORS)


class MongoSchedules:
    """``Schedules`` in MongoDB."""

    def __init__(self, database: MongoDatabase) -> None:
        database = durable(database)
        self._schedules, self._mirrors = database[SCHEDULES], database[MIRRORS]

    def add_schedule(self, schedule: Schedule) -> Schedule:
        """Stores a schedule; returns the stored one of its id."""
        document = to_document(schedule, key="id")
        with translated(f"storing schedule {schedule.id}"):
            try:
                self._schedules.insert_one(dict(document))
            except DuplicateKeyError:
                document = self._schedules.find_one({"_id": schedule.id}) or document
        return from_document(Schedule, document, key="id")

    def schedules(self) -> list[Schedule]:
        """All, the oldest first."""
        with translated("reading schedules"):
            found = self._schedules.find().sort([("created_at", ASCENDING), ("_id", ASCENDING)])
            return readable_of(Schedule, found, key="id")[0]

    def replace_schedule(self, schedule: Schedule) -> bool:
        """Stores a changed schedule under the next version; returns whether it had the given one."""
        values = to_document(schedule)
        for kept in ("id", "holder", "held_until"):
            values.pop(kept, None)
        with translated(f"changing schedule {schedule.id}"):
            done = self._schedules.update_one(
                {"_id": schedule.id, "version": schedule.version}, {"$set": values | {"version": schedule.version + 1}}
            )
        return done.matched_count == 1

    def rename_campaign(self, old: str, new: str, created_at: datetime) -> None:
        """Gives the schedules of a campaign its new name."""
        with translated(f"renaming campaign {old!r}"):
            self._schedules.update_many(
                {"campaign": old, "campaign_created_at": created_at}, {"$set": {"campaign": new}, "$inc": {"version": 1}}
            )

    def hold_schedule(self, schedule_id: str, holder: str, seconds: float) -> bool:
        """Takes or keeps a schedule; returns whether it is the holder's now."""
        free = [{"holder": None}, {"holder": holder}, {"$expr": {"$lte": ["$held_until", "$$NOW"]}}]
        until = {"$add": ["$$NOW", round(seconds * 1000)]}
        with translated(f"taking schedule {schedule_id}"):
            done = self._schedules.update_one(
                {"_id": schedule_id, "$or": free}, [{"$set": {"holder": {"$literal": holder}, "held_until": until}}]
            )
        return done.matched_count == 1

    def forget_schedule(self, schedule_id: str) -> None:
        """Deletes the record of a schedule that was to vanish."""
        with translated(f"deleting schedule {schedule_id}"):
            self._schedules.delete_one({"_id": schedule_id, "removed": True})

    def mirror_schedules(self, mirror: ScheduleMirror) -> None:
        """Stores what a service says in place of what it said before."""
        document = to_document(mirror, key="id")
        with translated("storing the schedules of a service"):
            self._mirrors.replace_one({"_id": document["_id"]}, document, upsert=True)

    def schedule_mirrors(self) -> list[ScheduleMirror]:
        """The latest reports of all services, by name."""
        with translated("reading the schedules of services"):
            return readable_of(ScheduleMirror, self._mirrors.find().sort("_id", ASCENDING), key="id")[0]
