"""Requests and trainings of the dashboard, answers and reports of services in MongoDB; no dump contains them.

Lists leave out documents that cannot be read, so that one of them does not keep a service from the others. A request
for such a document by its id is an error that names what is wrong with it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from functools import cached_property
from typing import Any

from pymongo import ASCENDING, DESCENDING, IndexModel, ReturnDocument
from pymongo.errors import DuplicateKeyError

from tansaku.models.domain.errors import StoreError
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.requests import FORGOTTEN, Answer, RequestState, ServiceReport, ServiceRequest, ServiceSeen
from tansaku.models.domain.trainings import TrainingEnd, TrainingRequest, TrainingState, TrainingStep
from tansaku.tasks.backends.stores.documents import from_document, readable_of, to_document
from tansaku.tasks.backends.stores.mongo_errors import translated
from tansaku.tasks.backends.stores.mongo_schema import MongoCollection, MongoDatabase, build_indexes, durable

REQUESTS, SERVICES, TRAININGS = "web_requests", "web_services", "web_trainings"

REQUEST_COLLECTIONS = (REQUESTS, SERVICES, TRAININGS)

_WAITING = RequestState.WAITING.value

REQUEST_INDEXES = (
    IndexModel([("state", ASCENDING), ("created_at", ASCENDING), ("_id", ASCENDING)], name="state"),
    IndexModel([("campaign", ASCENDING), ("created_at", DESCENDING), ("_id", DESCENDING)], name="campaign"),
    IndexModel(
        [("campaign", ASCENDING), ("kind", ASCENDING)],
        name="waiting",
        unique=True,
        partialFilterExpression={"state": _WAITING},
    ),
)
"""Indexes of the requests; by the last one, of each kind only one request for a campaign waits."""


class MongoRequests:
    """``Requests`` and ``Trainings`` in MongoDB."""

    def __init__(self, database: MongoDatabase) -> None:
        self._database = durable(database)

    @cached_property
    def _requests(self) -> MongoCollection:
        """The requests, with their indexes: built when they are first used, so that other commands need not wait."""
        with translated("opening the requests"):
            build_indexes(self._database[REQUESTS], REQUEST_INDEXES)
        return self._database[REQUESTS]

    def add_request(self, request: ServiceRequest) -> ServiceRequest:
        """Stores a request that waits; returns the stored one, or the one of its campaign that already waits."""
        document = to_document(request, key="id")
        with translated(f"storing request {request.id}"):
            while True:
                try:
                    self._requests.insert_one(dict(document))
                except DuplicateKeyError:
                    same = {"campaign": request.campaign, "kind": request.kind, "state": _WAITING}
                    found = self._requests.find_one({"_id": request.id}) or self._requests.find_one(same)
                    if found is not None:  # else the other one was answered meanwhile
                        return _request(found)
                else:
                    return _request(document)

    def request(self, request_id: str) -> ServiceRequest | None:
        """Returns a request, or None."""
        with translated("reading a request"):
            found = self._requests.find_one({"_id": request_id})
        return None if found is None else _request(found)

    def requests_in(self, state: RequestState, limit: int = 100) -> list[ServiceRequest]:
        """Requests in a state, the oldest first."""
        return self._found({"state": state.value}, ASCENDING, limit)

    def last_requests_in(
        self, state: RequestState, limit: int = 20, after: ServiceRequest | None = None
    ) -> list[ServiceRequest]:
        """Requests in a state, the newest first; those after one of them, if it is given."""
        return self._newest({"state": state.value}, limit, after)

    def requests_of(self, campaign: str, limit: int = 20, after: ServiceRequest | None = None) -> list[ServiceRequest]:
        """Requests for a campaign, the newest first; those after one of them, if it is given."""
        return self._newest({"campaign": campaign}, limit, after)

    def take_request(self, request_id: str, holder: str, seconds: float) -> bool:
        """Takes a request that waits; returns whether it is the holder's now."""
        free = [{"holder": None}, {"holder": holder}, {"$expr": {"$lte": ["$held_until", "$$NOW"]}}]
        until = _after(seconds)
        with translated(f"taking request {request_id}"):
            done = self._requests.update_one(
                {"_id": request_id, "state": _WAITING, "$or": free},
                [{"$set": {"holder": {"$literal": holder}, "held_until": until}}],
            )
        return done.matched_count == 1

    def answer_request(self, request_id: str, answer: Answer, now: datetime) -> bool:
        """Stores the answer to a request that waits; returns whether it waited."""
        return self._change(request_id, _WAITING, answer.changes(now))

    def end_request(self, request_id: str, reason: str, now: datetime) -> bool:
        """Stores how the run of an accepted request ended; returns whether it was accepted and had not ended."""
        ended = {"state": RequestState.ENDED.value, "reason": reason, "ended_at": now}
        return self._change(request_id, RequestState.ACCEPTED.value, ended)

    def rename_campaign(self, old: str, new: str, created_at: datetime) -> None:
        """Gives the requests for a campaign its new name."""
        with translated(f"renaming campaign {old!r}"):
            for document in list(self._requests.find({"campaign": old, "campaign_created_at": created_at}, {"_id": 1})):
                with suppress(DuplicateKeyError):  # a later request of that name keeps it out: it stays as it is
                    self._requests.update_one({"_id": document["_id"]}, {"$set": {"campaign": new}})

    def report(self, report: ServiceReport) -> None:
        """Stores the report of a service in place of its last one, and removes old ones of others."""
        document = to_document(report, key="id")
        with translated("storing the report of a service"):
            update = [{"$replaceWith": {"$mergeObjects": [{"$literal": document}, {"seen_at": "$$NOW"}]}}]
            self._database[SERVICES].update_one({"_id": document["_id"]}, update, upsert=True)
            limit = {"$subtract": ["$$NOW", round(FORGOTTEN * 1000)]}
            self._database[SERVICES].delete_many({"$expr": {"$lt": ["$seen_at", limit]}})

    def services(self) -> list[ServiceSeen]:
        """The last report of every service, the last seen first."""
        silent = {"$divide": [{"$subtract": ["$$NOW", "$seen_at"]}, 1000]}
        timed = {"$eq": [{"$type": "$seen_at"}, "date"]}
        steps: list[Mapping[str, Any]] = [
            {"$sort": {"seen_at": DESCENDING, "_id": ASCENDING}},
            {"$set": {"silent_for": {"$cond": [timed, silent, None]}}},
        ]
        with translated("reading the reports of services"):
            found = list(self._database[SERVICES].aggregate(steps))
        readable = []
        for document in found:
            with suppress(StoreError):
                readable.append(_seen(document))
        return readable

    def add_training(self, request: TrainingRequest) -> TrainingRequest:
        """Stores a training that waits; returns the stored one of its id."""
        document = to_document(request, key="id")
        with translated(f"storing training {request.id}"):
            try:
                self._database[TRAININGS].insert_one(dict(document))
            except DuplicateKeyError:
                document = self._database[TRAININGS].find_one({"_id": request.id}) or document
        return from_document(TrainingRequest, document, key="id")

    def training(self, training_id: str) -> TrainingRequest | None:
        """Returns a training, or None."""
        with translated("reading a training"):
            found = self._database[TRAININGS].find_one({"_id": training_id})
        return None if found is None else from_document(TrainingRequest, found, key="id")

    def trainings(self, limit: int = 20) -> list[TrainingRequest]:
        """The last trainings, the newest first."""
        with translated("reading trainings"):
            found = self._database[TRAININGS].find().sort([("created_at", DESCENDING), ("_id", DESCENDING)]).limit(limit)
            return readable_of(TrainingRequest, found, key="id")[0]

    def take_training(self, holder: str, seconds: float) -> TrainingRequest | None:
        """Takes the oldest training that is free; None: there is none."""
        left = [{"holder": holder}, {"$expr": {"$lte": ["$held_until", "$$NOW"]}}]
        free = [{"state": TrainingState.WAITING.value}, {"state": TrainingState.RUNNING.value, "$or": left}]
        taken = {"state": TrainingState.RUNNING.value, "holder": {"$literal": holder}, "held_until": _after(seconds)}
        with translated("taking a training"):
            found = self._database[TRAININGS].find_one_and_update(
                {"$or": free},
                [{"$set": taken}],
                sort=[("created_at", ASCENDING), ("_id", ASCENDING)],
                return_document=ReturnDocument.AFTER,
            )
        return None if found is None else from_document(TrainingRequest, found, key="id")

    def hold_training(self, training_id: str, holder: str, seconds: float) -> bool:
        """Keeps others away for longer; returns whether the training is the holder's and has not ended."""
        held = {"_id": training_id, "holder": holder, "state": TrainingState.RUNNING.value}
        with translated(f"holding training {training_id}"):
            done = self._database[TRAININGS].update_one(held, [{"$set": {"held_until": _after(seconds)}}])
        return done.matched_count == 1

    def note_steps(self, training_id: str, steps: Sequence[TrainingStep]) -> None:
        """Replaces the progress of a training that has not ended."""
        self._change_training(training_id, {"steps": [to_document(step) for step in steps]})

    def end_training(self, training_id: str, end: TrainingEnd, now: datetime) -> bool:
        """Stores how a training ended; returns whether it had not ended before."""
        return self._change_training(training_id, to_document(end) | {"ended_at": now})

    def _change_training(self, training_id: str, values: JsonDict) -> bool:
        is_open = {"_id": training_id, "state": {"$in": [state.value for state in TrainingState if state.is_open]}}
        with translated(f"changing training {training_id}"):
            return self._database[TRAININGS].update_one(is_open, {"$set": values}).matched_count == 1

    def _newest(self, chosen: JsonDict, limit: int, after: ServiceRequest | None) -> list[ServiceRequest]:
        if after is not None:
            same = {"created_at": after.created_at, "_id": {"$lt": after.id}}
            chosen = chosen | {"$or": [{"created_at": {"$lt": after.created_at}}, same]}
        return self._found(chosen, DESCENDING, limit)

    def _found(self, chosen: JsonDict, order: int, limit: int) -> list[ServiceRequest]:
        with translated("reading requests"):
            found = self._requests.find(chosen).sort([("created_at", order), ("_id", order)]).limit(limit)
            return readable_of(ServiceRequest, found, key="id")[0]

    def _change(self, request_id: str, state: str, values: JsonDict) -> bool:
        with translated(f"changing request {request_id}"):
            return self._requests.update_one({"_id": request_id, "state": state}, {"$set": values}).matched_count == 1


def _after(seconds: float) -> JsonDict:
    """The time of the store in some seconds."""
    return {"$add": ["$$NOW", round(seconds * 1000)]}


def _request(document: Mapping[str, Any]) -> ServiceRequest:
    return from_document(ServiceRequest, document, key="id")


def _seen(document: JsonDict) -> ServiceSeen:
    seen_at, silent_for = document.pop("seen_at", None), document.pop("silent_for", None)
    report = from_document(ServiceReport, document, key="id")
    if not isinstance(seen_at, datetime) or not isinstance(silent_for, float):
        raise StoreError(f"stored ServiceReport {report.id!r} is damaged: it has no time")
    return ServiceSeen(report=report, seen_at=seen_at, silent_for=max(0.0, silent_for))
