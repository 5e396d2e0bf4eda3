"""Observations and events: derived from the evaluations under deterministic ids, so a repeat changes nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from itertools import islice
from typing import Any

from pymongo import ASCENDING, DESCENDING, InsertOne, ReplaceOne
from pymongo.errors import BulkWriteError, DuplicateKeyError

from tansaku.models.domain.moments import utc_now
from tansaku.models.domain.records import Evaluation, Event, JsonDict, Observation
from tansaku.models.domain.states import EvaluationState
from tansaku.tasks.backends.stores.campaigns import objective_unit
from tansaku.tasks.backends.stores.documents import from_document, to_document
from tansaku.tasks.backends.stores.mongo_errors import translated
from tansaku.tasks.backends.stores.mongo_schema import Collections, MongoCollection
from tansaku.tasks.backends.stores.transitions import event_id, event_of, moment_of, observation_of

_DUPLICATE = 11000
PART = 250
"""Evaluations that are read, and whose observations are rebuilt, at once."""


class Derived:
    """Writes the documents derived from an evaluation's transition.

    An observation document has the evaluation's id and the number of the attempt it came from; when a failed evaluation is
    opened again, a void document takes its place, so that a stopped older driver cannot bring the old observation back.

    Args:
        specification: Spec of a campaign by name.
    """

    def __init__(self, collections: Collections, specification: Callable[[str], JsonDict]) -> None:
        self._collections = collections
        self._specification = specification

    def follow(self, evaluation: Evaluation) -> None:
        """Writes the observation and the event of an evaluation's present state."""
        if evaluation.state in (EvaluationState.DONE, EvaluationState.FAILED):
            self._replace(evaluation, objective_unit(self._specification(evaluation.campaign)))
        elif evaluation.state is EvaluationState.SUBMITTING and len(evaluation.attempts) > 1:
            self._replace(evaluation, "")
        self.record_event(event_of(evaluation, moment_of(evaluation) or utc_now()))

    def rebuild(self, evaluations: Iterable[Evaluation], campaign: str, unit: str) -> int:
        """Rebuilds observations from the evaluations, and adds events that a kill kept from being written.

        Args:
            evaluations: Taken a part at a time, so that memory does not grow with the campaign.

        Returns:
            How many observations were missing or wrong.
        """
        wrong, remaining = 0, iter(evaluations)
        with translated(f"rebuilding the observations of {campaign!r}"):
            while part := list(islice(remaining, PART)):
                wrong += self._rebuild(part, unit)
        return wrong

    def _rebuild(self, evaluations: Sequence[Evaluation], unit: str) -> int:
        documents = self._collections.observations.find({"_id": {"$in": [item.id for item in evaluations]}, "void": False})
        found = (from_document(Observation, document) for document in documents)
        stored = {observation.evaluation: observation for observation in found}
        wrong = [item for item in evaluations if stored.get(item.id) != observation_of(item, unit)]
        replacements = (_replacement(evaluation, unit) for evaluation in wrong)
        _write_all(
            self._collections.observations,
            [ReplaceOne(condition, document, upsert=True) for condition, document in replacements],
        )
        self._complete_events(evaluations)
        return len(wrong)

    def observations(self, campaign: str) -> list[Observation]:
        """Observations in proposal order."""
        with translated(f"reading the observations of {campaign!r}"):
            query = {"campaign": campaign, "void": False}
            documents = list(self._collections.observations.find(query).sort("number", ASCENDING))
        return [from_document(Observation, document) for document in documents]

    def record_event(self, event: Event) -> None:
        """Appends to the audit once."""
        with translated(f"recording event {event.kind!r}"), suppress(DuplicateKeyError):
            self._collections.events.insert_one(_event_document(event))

    def events(self, campaign: str, limit: int | None, kind: str | None = None) -> list[Event]:
        """Events in order of time; the last ``limit`` ones, of one kind if it is given."""
        if limit == 0:
            return []
        chosen = {"campaign": campaign} | ({} if kind is None else {"kind": kind})
        with translated(f"reading the events of {campaign!r}"):
            newest = self._collections.events.find(chosen).sort([("at", DESCENDING), ("order", DESCENDING)])
            documents = list(newest if limit is None else newest.limit(limit))
        return [from_document(Event, document, key="id") for document in reversed(documents)]

    def _complete_events(self, evaluations: Sequence[Evaluation]) -> None:
        ids = [event_id(evaluation) for evaluation in evaluations]
        known = {document["_id"] for document in self._collections.events.find({"_id": {"$in": ids}}, {"_id": 1})}
        silent = [evaluation for evaluation, event in zip(evaluations, ids, strict=True) if event not in known]
        events = (event_of(evaluation, moment_of(evaluation) or utc_now()) for evaluation in silent)
        _write_all(self._collections.events, [InsertOne(_event_document(event)) for event in events])

    def _replace(self, evaluation: Evaluation, unit: str) -> None:
        condition, document = _replacement(evaluation, unit)
        # A later attempt may already have written.
        with suppress(DuplicateKeyError):
            self._collections.observations.replace_one(condition, document, upsert=True)


def _replacement(evaluation: Evaluation, unit: str) -> tuple[JsonDict, JsonDict]:
    """Returns which document may be replaced, and its replacement: an observation or a void document."""
    attempt = len(evaluation.attempts)
    observation = observation_of(evaluation, unit)
    if observation is None:
        older = {"_id": evaluation.id, "attempt": {"$lt": attempt}}
        void = {"campaign": evaluation.campaign, "number": evaluation.proposal.number, "void": True, "attempt": attempt}
        return older, void
    not_younger = {"_id": evaluation.id, "attempt": {"$lte": attempt}}
    return not_younger, to_document(observation) | {"void": False, "attempt": attempt}


def _event_document(event: Event) -> JsonDict:
    return to_document(event, key="id") | {"order": time.time_ns()}


def _write_all(
    collection: MongoCollection, operations: Sequence[ReplaceOne[dict[str, Any]] | InsertOne[dict[str, Any]]]
) -> None:
    """Writes many documents at once; existing or newer ones stay."""
    if not operations:
        return
    try:
        collection.bulk_write(operations, ordered=False)
    except BulkWriteError as error:
        details = error.details or {}
        if details.get("writeConcernErrors") or any(item["code"] != _DUPLICATE for item in details.get("writeErrors", [])):
            raise
