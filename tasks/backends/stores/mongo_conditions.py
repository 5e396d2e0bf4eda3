"""Conditions on stored evaluations, and the same as a line for mongosh.

Texts of a query become values of conditions, never keys but for the name of a result, whose letters the query checks.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence

from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.views import PageQuery

LONGEST_SECONDS = 5.0
"""Time that the server may spend on a page [s]."""

LARGEST_FLOAT = 1.7976931348623157e308
WHOLE: JsonDict = {"$type": ["int", "long"]}
NUMBER = "proposal.number"


def value_field(query: PageQuery) -> str:
    """Field of the value that a query is about."""
    return "outcome.value" if query.quantity is None else f"outcome.quantities.{query.quantity}.value"


def page_condition(campaign: str, query: PageQuery) -> JsonDict:
    """The condition on the evaluations of a page and of those after it."""
    conditions: list[JsonDict] = [{"campaign": campaign}, {"proposal.number": WHOLE}, *_chosen(query)]
    if query.after is not None:
        beyond = "$lt" if query.descending else "$gt"
        later: JsonDict = {NUMBER: {beyond: query.after.number}}
        if query.sort == "value":
            field, value = value_field(query), query.after.value
            later = {"$or": [{field: {beyond: value}}, {field: value} | later]}
        conditions.append(later)
    return {"$and": conditions}


def page_index(query: PageQuery) -> str | None:
    """The index for a page of evaluations with a further result, which no index has; None: the server chooses.

    It would read a large part of the campaign by each index before it chooses.
    """
    if query.quantity is None or query.candidates is not None:
        return None
    return "system" if query.system is not None else "number" if query.states is None else None


def _chosen(query: PageQuery) -> list[JsonDict]:
    """Conditions on what an evaluation is and has."""
    conditions: list[JsonDict] = []
    if query.states is not None:
        conditions.append({"state": {"$in": [state.value for state in query.states]}})
    if query.system is not None:
        conditions.append({"proposal.system": query.system})
    if query.candidates is not None:
        conditions.append({"proposal.candidate": {"$in": list(query.candidates)}})
    if query.sort == "value":
        conditions.append({value_field(query): _range()})
    if query.limits_values:
        conditions.append({value_field(query): _range(query.least, query.most) | _beyond(query)})
    return conditions


def _range(least: float | None = None, most: float | None = None) -> JsonDict:
    """Finite numbers in a range: with both ends the server reads one part of an index."""
    return {"$gte": -LARGEST_FLOAT if least is None else least, "$lte": LARGEST_FLOAT if most is None else most}


def _beyond(query: PageQuery) -> JsonDict:
    """The limits that a value must not reach, in whose presence the server ignores the wider ones."""
    ends = {"$gt": query.above, "$lt": query.below}
    return {operator: end for operator, end in ends.items() if end is not None}


def shell_line(queries: Mapping[str, PageQuery], most: int) -> str:
    """The line for mongosh that finds the same evaluations; empty without a campaign.

    Args:
        queries: By id of the campaign; pages and orders do not matter.
        most: Evaluations that it shows.
    """
    same: dict[str, list[str]] = {}
    for campaign, query in queries.items():
        same.setdefault(json.dumps(_merged(_chosen(query))), []).append(campaign)
    found = [{"campaign": _one_of(campaigns)} | json.loads(conditions) for conditions, campaigns in same.items()]
    if not found:
        return ""
    condition = found[0] if len(found) == 1 else {"$or": found}
    order = '{campaign: 1, "proposal.number": 1}'
    # A line separator of JavaScript's would end the line.
    text = json.dumps(condition, ensure_ascii=True)
    return f"db.evaluations.find({text}).sort({order}).limit({most}).maxTimeMS({math.ceil(1000 * LONGEST_SECONDS)})"


def _one_of(campaigns: Sequence[str]) -> object:
    return campaigns[0] if len(campaigns) == 1 else {"$in": list(campaigns)}


def _merged(conditions: Sequence[JsonDict]) -> JsonDict:
    """Conditions on different fields, or a later and narrower one on the same, as one; ends that bound nothing left out."""
    merged: JsonDict = {}
    for condition in conditions:
        merged |= condition
    return {field: _without_ends(part) if isinstance(part, dict) else part for field, part in merged.items()}


def _without_ends(part: JsonDict) -> JsonDict:
    bounds = {operator: end for operator, end in part.items() if end not in (-LARGEST_FLOAT, LARGEST_FLOAT)}
    return bounds or {"$type": "number"}
