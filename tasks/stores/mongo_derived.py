"""Observations and events: derived from the evaluations under deterministic ids, so a repeat changes nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from pymongo import ASCENDING, DESCENDING
from pymongo.errors import DuplicateKeyError

from tansaku.models.domain.records import Evaluation, Event, JsonDict, Observation
from tansaku.models.domain.states import EvaluationState
from tansaku.tasks.stores.campaigns import objective_unit
from tansaku.tasks.stores.documents import from_document, to_document, utc_now
from tansaku.tasks.stores.mongo_errors import translated
from tansaku.tasks.stores.mongo_schema import Collections
from tansaku.tasks.stores.transitions import event_of, moment_of, observation_of


class Derived:
    """Writes what follows from an evaluation's transition.

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
            self._observe(evaluation, objective_unit(self._specification(evaluation.campaign)))
        elif evaluation.state is EvaluationState.SUBMITTING and len(evaluation.attempts) > 1:
            self._void(evaluation)
        self.record_event(event_of(evaluation, moment_of(evaluation) or utc_now()))

    def rebuild(self, evaluations: Sequence[Evaluation], campaign: str, unit: str) -> int:
        """Makes the observations what the evaluations say, and adds events that a kill kept from being written.

        Returns:
            How many observations were missing or wrong.
        """
        with translated(f"rebuilding the observations of {campaign!r}"):
            stored = {one.evaluation: one for one in self.observations(campaign)}
            wrong = 0
            for evaluation in evaluations:
                if stored.get(evaluation.id) != observation_of(evaluation, unit):
                    wrong += 1
                    if not self._observe(evaluation, unit):
                        self._void(evaluation)
            self._complete_events([event_of(evaluation, moment_of(evaluation) or utc_now()) for evaluation in evaluations])
            return wrong

    def observations(self, campaign: str) -> list[Observation]:
        """Observations in proposal order."""
        with translated(f"reading the observations of {campaign!r}"):
            query = {"campaign": campaign, "void": False}
            documents = list(self._collections.observations.find(query).sort("number", ASCENDING))
        return [from_document(Observation, document) for document in documents]

    def record_event(self, event: Event) -> None:
        """Appends to the audit once."""
        document = to_document(event)
        document["_id"] = document.pop("id")
        with translated(f"recording event {event.kind!r}"):
            try:
                self._collections.events.insert_one(document | {"order": time.time_ns()})
            except DuplicateKeyError:
                return

    def events(self, campaign: str, limit: int | None) -> list[Event]:
        """Events in order of time; the last ``limit`` ones."""
        if limit == 0:
            return []
        with translated(f"reading the events of {campaign!r}"):
            newest = self._collections.events.find({"campaign": campaign}).sort([("at", DESCENDING), ("order", DESCENDING)])
            documents = list(newest if limit is None else newest.limit(limit))
        return [from_document(Event, document, key="id") for document in reversed(documents)]

    def _complete_events(self, events: Sequence[Event]) -> None:
        ids = [event.id for event in events]
        known = {document["_id"] for document in self._collections.events.find({"_id": {"$in": ids}}, {"_id": 1})}
        for event in events:
            if event.id not in known:
                self.record_event(event)

    def _observe(self, evaluation: Evaluation, unit: str) -> bool:
        observation = observation_of(evaluation, unit)
        if observation is not None:
            self._replace(evaluation, to_document(observation) | {"void": False}, "$lte")
        return observation is not None

    def _void(self, evaluation: Evaluation) -> None:
        fields = {"campaign": evaluation.campaign, "number": evaluation.proposal.number, "void": True}
        self._replace(evaluation, fields, "$lt")

    def _replace(self, evaluation: Evaluation, fields: JsonDict, older: str) -> None:
        attempt = len(evaluation.attempts)
        condition = {"_id": evaluation.id, "attempt": {older: attempt}}
        try:
            self._collections.observations.replace_one(condition, fields | {"attempt": attempt}, upsert=True)
        except DuplicateKeyError:
            # A younger attempt has spoken already.
            return
