"""Specs that the forms of the page New begin, for people who do not write YAML: an experiment, or a table of candidates.

A form gives the keys that nearly every such campaign has; all others are added in the text, which is then the only source.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from tansaku.models.domain.errors import FieldError
from tansaku.models.domain.records import JsonDict
from tansaku.tasks.ground.formats.yaml_text import write_yaml

ROWS = 8
"""Parameters that the form of an experiment has room for."""

KINDS = {"number": "a number", "integer": "a whole number", "category": "one of several"}
"""Kinds of parameters, in words."""

ROLES = {
    "": "is not used",
    "id": "names the candidates",
    "value": "holds known values",
    "number": "describes them: a number",
    "category": "describes them: a category",
    "cost": "is what one costs",
}
"""Uses of a column, in words."""

_LONGEST = 200

Fields = Mapping[str, str]


def experiment(fields: Fields) -> str:
    """The spec of an experiment: parameters, of which people report the measured values.

    Args:
        fields: ``name``, ``property``, ``unit``, ``direction``, ``evaluations``, and for each row ``parameter-1``, ``kind-1``,
            ``low-1``, ``high-1``, ``unit-1`` and ``values-1``; rows without a name count as empty.

    Raises:
        FieldError: A field is missing or wrong.
    """
    parameters = dict(_parameters(fields))
    if not parameters:
        raise FieldError("parameter-1", "expected one parameter at least, such as temperature")
    space = {"type": "parameters", "parameters": parameters}
    return write_yaml(_document(fields, space, {"type": "manual"}))


def table(fields: Fields, columns: list[str]) -> str:
    """The spec of a search among the rows of a table.

    Args:
        fields: ``file``, ``name``, ``property``, ``unit``, ``direction``, ``evaluations``, and the use of each column, one of
            :data:`ROLES`: ``role-0`` and so on.
        columns: Names of the columns.

    Raises:
        FieldError: A field is missing or wrong.
    """
    roles = [fields.get(f"role-{place}", "") for place in range(len(columns))]
    for place, role in enumerate(roles):
        if role not in ROLES:
            raise FieldError(f"role-{place}", f"{role[:_LONGEST]!r}; expected one of {', '.join(filter(None, ROLES))}")
        if role in ("id", "value", "cost") and role in roles[:place]:
            raise FieldError(f"role-{place}", f"two columns: {ROLES[role]}; expected one")
    of = {role: [name for name, its in zip(columns, roles, strict=True) if its == role] for role in ROLES}
    features: JsonDict = {}
    if of["number"]:
        features["numbers"] = {"columns": of["number"], "units": dict.fromkeys(of["number"], "1")}
    if of["category"]:
        features["categories"] = {"columns": of["category"], "categories": "one_hot"}
    if not features:
        raise FieldError("role-0", "no column describes the candidates; expected one at least")
    space: JsonDict = {
        "type": "table",
        "candidates": fields.get("file", ""),
        "columns": {role: of[role][0] for role in ("id", "value", "cost") if of[role]},
        "features": features,
    }
    return write_yaml(_document(fields, space, None if of["value"] else {"type": "manual"}))


def _document(fields: Fields, space: JsonDict, calculator: JsonDict | None) -> JsonDict:
    count = _number("evaluations", fields.get("evaluations", ""), whole=True)
    objective = {
        "property": _text("property", fields, "what is wanted, such as yield"),
        "unit": fields.get("unit", "").strip() or "1",
        "direction": "maximize" if fields.get("direction") == "maximize" else "minimize",
    }
    document: JsonDict = {"schema_version": 1, "name": _text("name", fields, "a name such as my-search"), "space": space}
    if calculator is not None:
        document["calculator"] = calculator
    else:
        objective.pop("property")  # the table says it
    return document | {"objective": objective, "budget": {"evaluations": count}}


def _parameters(fields: Fields) -> Iterator[tuple[str, JsonDict]]:
    seen: set[str] = set()
    for row in range(1, ROWS + 1):
        name, kind = fields.get(f"parameter-{row}", "").strip(), fields.get(f"kind-{row}", "number")
        if not name:
            continue
        if name in seen:
            raise FieldError(f"parameter-{row}", f"{name[:_LONGEST]!r} is in two rows")
        seen.add(name)
        if kind == "category":
            values = [text.strip() for text in re.split(r"[,;\n]", fields.get(f"values-{row}", "")) if text.strip()]
            if len(values) < 2:
                raise FieldError(f"values-{row}", "expected two values at least, with commas between them")
            yield name, {"type": "category", "values": values}
        elif kind in KINDS:
            whole = kind == "integer"
            low, high = (_number(f"{end}-{row}", fields.get(f"{end}-{row}", ""), whole=whole) for end in ("low", "high"))
            unit = fields.get(f"unit-{row}", "").strip()
            yield name, {"type": kind, "low": low, "high": high} | ({"unit": unit} if unit and not whole else {})
        else:
            raise FieldError(f"kind-{row}", f"{kind[:_LONGEST]!r}; expected one of {', '.join(KINDS)}")


def _text(key: str, fields: Fields, expected: str) -> str:
    text = fields.get(key, "").strip()
    if not text:
        raise FieldError(key, f"missing; expected {expected}")
    return text


def _number(key: str, text: str, *, whole: bool) -> float | int:
    plain = text.strip().replace(",", ".")
    try:
        return int(plain) if whole else float(plain)
    except ValueError:
        raise FieldError(key, f"{text[:_LONGEST]!r} is not a {'whole ' if whole else ''}number") from None
