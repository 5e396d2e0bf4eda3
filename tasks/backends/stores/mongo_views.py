"""Views of campaigns in MongoDB: projections and pages, so that reading does not load every evaluation.

The server compares the documents of a campaign with a schema that is stricter than the records. Only documents that do not
match are validated here, so a damaged document is reported as when it is read in full, at a small part of the time.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from functools import cache
from typing import Any, TypeVar

from pymongo import ASCENDING, DESCENDING
from pymongo.errors import ExecutionTimeout

from tansaku.models.domain.errors import SlowQueryError
from tansaku.models.domain.evaluation_columns import HELD
from tansaku.models.domain.records import CampaignRecord, Evaluation, JsonDict
from tansaku.models.domain.states import ACTIVE_STATES, EvaluationState
from tansaku.models.domain.views import ActiveMark, Changes, Columns, Cursor, Mark, Page, PageQuery
from tansaku.tasks.backends.stores.columns import Part, changed_since, columns_from, mark_of, parts_of, row_of, without_gaps
from tansaku.tasks.backends.stores.documents import INTERNAL_FIELDS, from_document, readable_of
from tansaku.tasks.backends.stores.mongo_conditions import (
    LARGEST_FLOAT,
    LONGEST_SECONDS,
    NUMBER,
    WHOLE,
    page_condition,
    page_index,
    value_field,
)
from tansaku.tasks.backends.stores.mongo_errors import translated
from tansaku.tasks.backends.stores.mongo_schema import Collections

Read = TypeVar("Read")

_BATCH = 1000
_AT_ONCE = 2  # questions: more would keep small servers from answering others
_NOW = "_now"
_PLAIN_LEVELS = 5
"""Levels of containers in plain data that the server compares by itself; what lies deeper is compared here."""
_SIMPLE = ["string", "bool", "null", "int", "long"]
_RARE = frozenset({"attempts.late_outcome", "attempts.superseded"})
"""Parts that few evaluations have. Those are validated here, which costs less than comparing the missing part of all others."""
_FINITE: JsonDict = {"bsonType": "double", "minimum": -LARGEST_FLOAT, "maximum": LARGEST_FLOAT}
_EARLIEST, _LATEST = datetime(1900, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)
_NUMBERS: JsonDict = {"$gte": float("-inf")}
# Not by type: an index does not hold types, so that the server would fetch every evaluation to answer.
_NO_NUMBER: JsonDict = {"$not": _NUMBERS}
_HAS_ATTEMPTS: JsonDict = {"$isArray": "$attempts"}
_LOST: JsonDict = {
    "$or": [{"$ne": [{"$ifNull": [f"$$attempt.{key}", None]}, None]} for key in ("failure", "late_outcome")],
}
_COMPUTED: dict[str, JsonDict] = {
    "incident": {"$anyElementTrue": [{"$map": {"input": {"$ifNull": ["$attempts", []]}, "as": "attempt", "in": _LOST}}]},
    "changed_at": {"$toLong": {"$ifNull": ["$finished_at", "$proposed_at"]}},
}
"""Expressions that compute columns on the server that are not stored as they are."""


class Views:
    """The views of a ``MongoCampaignStore``."""

    def __init__(self, collections: Collections) -> None:
        self._collections = collections

    def columns(self, campaign: str, quantities: Sequence[str], properties: Sequence[str]) -> Columns:
        """Returns evaluations as columns."""
        expressions = _row_expressions(quantities, properties)
        evaluations, chosen = self._collections.evaluations, {"campaign": campaign}
        problems: list[str] = []

        def parts() -> Iterator[Part]:
            odd = list(evaluations.find(chosen | {"proposal.number": _NO_NUMBER}))
            conditions = (chosen | {"proposal.number": numbers} for numbers in self._ranges(campaign))
            for found, unlike in _ahead(lambda condition: self._matching(condition, expressions), conditions):
                odd += unlike
                yield from found
            readable, said = readable_of(Evaluation, odd, key="id")
            problems.extend(said)
            yield from parts_of(row_of(evaluation, quantities, properties) for evaluation in readable)

        with translated("reading evaluations"):
            return columns_from(parts(), quantities, properties, problems)

    def _matching(self, chosen: JsonDict, expressions: Sequence[JsonDict]) -> tuple[list[Part], list[JsonDict]]:
        """Reads some evaluations as columns, and as they are stored those that do not match the schema."""
        evaluations, order = self._collections.evaluations, {"proposal.number": ASCENDING}
        found = list(evaluations.find(chosen | {"$or": _mismatches()}).sort("proposal.number", ASCENDING))
        if found:
            chosen = chosen | {"_id": {"$nin": [document["_id"] for document in found]}}
        # Joined on the server: an object for each evaluation would take more time here than its values.
        columns = {f"c{place}": {"$push": expression} for place, expression in enumerate(expressions)}
        stages: list[JsonDict] = [{"$match": chosen}, {"$sort": order}, {"$group": {"_id": None} | columns}]
        return [[document[name] for name in columns] for document in evaluations.aggregate(stages)], found

    def state_counts(self, campaign: str) -> dict[EvaluationState, int]:
        """Counts evaluations by state, from the index alone."""
        known = {state.value: state for state in EvaluationState}
        with translated("counting evaluations"):
            found = self._collections.evaluations.aggregate(
                [{"$match": {"campaign": campaign}}, {"$group": {"_id": "$state", "count": {"$sum": 1}}}]
            )
            # Exactly text: a stored program is text too, for which there is no place in a dictionary.
            return {
                known[group["_id"]]: group["count"] for group in found if type(group["_id"]) is str and group["_id"] in known
            }

    def page(self, campaign: str, query: PageQuery) -> Page:
        """Returns one page of evaluations."""
        order = DESCENDING if query.descending else ASCENDING
        keys = [(NUMBER, order)] if query.sort == "number" else [(value_field(query), order), (NUMBER, order)]
        with translated("reading evaluations"):
            asked = self._collections.evaluations.find(page_condition(campaign, query)).sort(keys).limit(query.limit + 1)
            if (index := page_index(query)) is not None:
                asked = asked.hint(index)
            try:
                found = list(asked.max_time_ms(round(1000 * LONGEST_SECONDS)))
            except ExecutionTimeout as error:
                raise SlowQueryError(
                    f"the database needed more than {LONGEST_SECONDS:g} s for a page of one campaign's evaluations",
                    hint="give more conditions, such as a state or a system",
                ) from error
        shown, more = found[: query.limit], len(found) > query.limit
        readable, problems = readable_of(Evaluation, shown, key="id")
        return Page(
            evaluations=tuple(readable), problems=tuple(problems), after=_cursor(shown[-1], query) if more and shown else None
        )

    def changes(self, name: str, since: Mark | None) -> Changes:
        """Returns what has changed in the campaign of a name since a mark."""
        with translated("reading changes"):
            # The campaign first: what is written later is then reported again rather than missed.
            document = self._campaign(name)
            if document is None or document.get("deleting"):
                return Changes(mark=None, reset=True)
            now = document.pop(_NOW)
            record = from_document(CampaignRecord, document, key="id")
            if since is not None and since.created_at != record.created_at:
                since = None
            mark = self._mark(record, since)
            if since is None:
                return Changes(mark=mark, record=record, now=now, reset=True)
            earlier = since.count if without_gaps(since) else self._count(record.id, 0, since.number)
            numbers = changed_since(since, mark, earlier)
            if numbers is None:
                return Changes(mark=mark, record=record, now=now, reset=True)
            condition: JsonDict = {"$or": [{"proposal.number": {"$gt": since.number, "$lte": mark.number}}]}
            if numbers:
                condition["$or"].append({"proposal.number": {"$in": numbers}})
            found = self._collections.evaluations.find({"campaign": record.id} | condition).sort("proposal.number", ASCENDING)
            readable, problems = readable_of(Evaluation, found, key="id")
        return Changes(mark=mark, record=record, now=now, evaluations=tuple(readable), problems=tuple(problems))

    def _campaign(self, name: str) -> JsonDict | None:
        """Reads the document of a campaign and, as one of its fields, the server's time."""
        stages: list[JsonDict] = [{"$match": {"name": name}}, {"$addFields": {_NOW: "$$NOW"}}]
        return next(self._collections.campaigns.aggregate(stages), None)

    def each_evaluation(self, campaign: str) -> Iterator[Evaluation]:
        """Reads evaluations in proposal order, a batch at a time."""
        last = -1
        while True:
            condition = {"campaign": campaign, "proposal.number": {"$gt": last}} if last >= 0 else {"campaign": campaign}
            with translated("reading evaluations"):
                # A cursor that is open for long would be closed by the server while a slow reader works.
                found = list(self._collections.evaluations.find(condition).sort("proposal.number", ASCENDING).limit(_BATCH))
            for document in found:
                evaluation = from_document(Evaluation, document, key="id")
                last = evaluation.proposal.number
                yield evaluation
            if len(found) < _BATCH:
                break
        # A number of another type is in no batch but perhaps the first.
        with translated("reading evaluations"):
            odd = self._collections.evaluations.find_one({"campaign": campaign, "proposal.number": _NO_NUMBER})
        if odd is not None:
            from_document(Evaluation, odd, key="id")

    def numbered(self, campaign: str, numbers: Sequence[int]) -> list[Evaluation]:
        """Returns the evaluations of some proposal numbers."""
        evaluations = []
        for begin in range(0, len(numbers), _BATCH):
            chosen = {"campaign": campaign, "proposal.number": {"$in": list(numbers[begin : begin + _BATCH])}}
            with translated("reading evaluations"):
                found = list(self._collections.evaluations.find(chosen))
            evaluations += [from_document(Evaluation, document, key="id") for document in found]
        return sorted(evaluations, key=lambda evaluation: evaluation.proposal.number)

    def _ranges(self, campaign: str) -> Iterator[JsonDict]:
        """Conditions on the proposal number that part the evaluations.

        A busy server would not answer one question about everything before the connection's timeout.
        """
        numbers: JsonDict = _NUMBERS
        while numbers:
            part, shown = {"campaign": campaign, "proposal.number": numbers}, {"_id": 0, "proposal.number": 1}
            found = self._collections.evaluations.find(part, shown).sort("proposal.number", ASCENDING).skip(_BATCH - 1)
            last = next((end["proposal"]["number"] for end in found.limit(1)), None)
            yield numbers if last is None else numbers | {"$lte": last}
            numbers = {} if last is None else {"$gt": last}

    def _mark(self, record: CampaignRecord, since: Mark | None) -> Mark:
        evaluations, chosen = self._collections.evaluations, {"campaign": record.id}
        in_progress = chosen | {"state": {"$in": [state.value for state in ACTIVE_STATES]}}
        last = evaluations.find_one(
            chosen | {"proposal.number": WHOLE}, {"proposal.number": 1}, sort=[("proposal.number", DESCENDING)]
        )
        highest = 0 if last is None else last["proposal"]["number"]
        shown = {"proposal.number": 1, "state": 1, "attempts": {"$size": {"$cond": [_HAS_ATTEMPTS, "$attempts", []]}}}
        active = [
            ActiveMark(number=found["proposal"]["number"], state=found["state"], attempts=found["attempts"])
            for found in evaluations.find(in_progress | {"proposal.number": WHOLE | {"$lte": highest}}, shown)
        ]
        active.sort(key=lambda entry: entry.number)
        # Numbers without gaps stay so: only what is new has to be counted.
        above, count = (since.number, since.count) if since is not None and without_gaps(since) else (0, 0)
        return mark_of(record, count + self._count(record.id, above, highest), active, highest)

    def _count(self, campaign: str, above: int, highest: int) -> int:
        numbers = {"$gt": above, "$lte": highest}
        return self._collections.evaluations.count_documents({"campaign": campaign, "proposal.number": numbers})


def _ahead(read: Callable[[JsonDict], Read], conditions: Iterable[JsonDict]) -> Iterator[Read]:
    """Reads by each condition, in order; the next ones are read meanwhile, for the server spends most of the time."""
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        waiting: deque[Future[Read]] = deque()
        for condition in conditions:
            waiting.append(threads.submit(read, condition))
            if len(waiting) > _AT_ONCE:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _cursor(document: JsonDict, query: PageQuery) -> Cursor:
    value = None
    if query.sort == "value":
        outcome = document["outcome"]
        value = outcome["value"] if query.quantity is None else outcome["quantities"][query.quantity]["value"]
    return Cursor(number=document["proposal"]["number"], value=value)


def _row_expressions(quantities: Sequence[str], properties: Sequence[str]) -> list[JsonDict]:
    """Returns the expressions that give the row of ``row_of`` on the server; null where there is nothing."""
    found: list[Any] = [_COMPUTED.get(column.name, {"$ifNull": [f"${column.path}", column.missing]}) for column in HELD]
    found += [{"$getField": {"field": {"$literal": name}, "input": "$outcome.quantities"}} for name in quantities]
    found += [{"$getField": {"field": {"$literal": name}, "input": "$outcome.properties"}} for name in properties]
    return [{"$ifNull": [expression, None]} for expression in found]


@cache
def _mismatches() -> list[JsonDict]:
    """Returns conditions that every unreadable evaluation meets, and very few readable ones."""
    schema = Evaluation.model_json_schema()
    times: list[str] = []
    stored: JsonDict = _as_stored(schema, schema["$defs"], "", times)
    stored["properties"]["_id"] = stored["properties"].pop("id")
    stored["properties"] |= {name: {"bsonType": _SIMPLE} for name in INTERNAL_FIELDS}
    stored["required"] = [name for name in stored["required"] if name != "id"]
    far = [{path: condition} for path in times for condition in ({"$lt": _EARLIEST}, {"$gt": _LATEST})]
    return [{"$nor": [{"$jsonSchema": stored}]}, *far]


def _as_stored(schema: JsonDict, defined: JsonDict, path: str, times: list[str]) -> Any:  # noqa: ANN401 - plain data
    """Translates a JSON schema into MongoDB's form for stored documents; notes the paths of times."""
    if path in _RARE:
        return {"bsonType": "null"}
    if "$ref" in schema:
        return _as_stored(defined[schema["$ref"].rpartition("/")[2]], defined, path, times)
    if "anyOf" in schema:
        # Null first: the server tries the options in order, and null costs least.
        options = sorted(schema["anyOf"], key=lambda option: option.get("type") != "null")
        return {"anyOf": [_as_stored(option, defined, path, times) for option in options]}
    if "const" in schema or "enum" in schema:
        return {"enum": [schema["const"]] if "const" in schema else schema["enum"]}
    kind = schema.get("type")
    if kind == "object":
        return _object_as_stored(schema, defined, path, times)
    if kind == "array":
        return {"bsonType": "array", "items": _as_stored(schema.get("items", {}), defined, path, times)}
    if kind == "string" and schema.get("format") == "date-time":
        times.append(path)
        return {"bsonType": "date"}
    if kind == "integer":
        limits = {key: schema[key] for key in ("minimum", "maximum") if key in schema}
        return {"bsonType": ["int", "long"]} | limits
    if kind == "number":
        return _FINITE | {"bsonType": ["double", "int", "long"]}
    return {"bsonType": {"string": "string", "boolean": "bool", "null": "null"}[kind]} if kind is not None else {}


def _object_as_stored(schema: JsonDict, defined: JsonDict, path: str, times: list[str]) -> JsonDict:
    stored: JsonDict = {"bsonType": "object"}
    if "properties" in schema:
        inner = {
            name: _as_stored(part, defined, f"{path}.{name}" if path else name, times)
            for name, part in schema["properties"].items()
        }
        stored |= {"properties": inner, "additionalProperties": False}
    elif isinstance(schema.get("additionalProperties"), dict):
        stored["additionalProperties"] = _as_stored(schema["additionalProperties"], defined, path, times)
    elif schema.get("additionalProperties"):
        stored["additionalProperties"] = _plain_as_stored(_PLAIN_LEVELS)
    if schema.get("required"):
        stored["required"] = list(schema["required"])
    return stored


def _plain_as_stored(levels: int) -> JsonDict:
    """The form of a part of plain data: what JSON can hold. The server's schemas cannot refer to themselves.

    An option for each type: the server would compare a value of any type with the limits of all in one option.
    """
    options: list[JsonDict] = [{"bsonType": _SIMPLE}, _FINITE]
    if levels:
        inner = _plain_as_stored(levels - 1)
        options += [{"bsonType": "array", "items": inner}, {"bsonType": "object", "additionalProperties": inner}]
    return {"anyOf": options}
