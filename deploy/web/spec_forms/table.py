"""The form of a search among the rows of a table."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from tansaku.deploy.web.spec_forms.fields import Field, Part, at, choice, found, list_at, mapping_at, put, shown
from tansaku.deploy.web.spec_forms.form import SpecForm
from tansaku.deploy.web.spec_forms.parts import direction, measured
from tansaku.deploy.web.spec_forms.shelf import Shelf
from tansaku.models.domain.errors import FieldError
from tansaku.models.domain.records import JsonDict

ROLES = {
    "": "is not used",
    "id": "names the candidates",
    "value": "holds known values",
    "number": "describes them: a number",
    "category": "describes them: a category",
    "cost": "is what one costs",
}
"""Uses of a column, in words."""

_ALONE = ("id", "value", "cost")
_FEATURES = ("space", "features")


def _parts(data: JsonDict, shelf: Shelf) -> Sequence[Part]:
    file = shown(found(data, ("space", "candidates")))
    names = [name for name in shelf.names("table") if name.lower().rpartition(":")[2].endswith(".csv")]
    choices = {"": "choose a table", **({file: file} if file else {}), **{name: name for name in names}}
    about = "Its columns appear then." if not file else ""
    table = choice("space.candidates", "Table of the library", choices, about=about, files="table")
    parts = [Part("Table", [replace(table, write=lambda data, text: _choose(data, text, shelf))])]
    if file:
        parts.append(_columns(file, shelf))
    known = found(data, ("space", "columns", "value")) is not None
    wanted = [at("objective.unit", "Unit of the values; 1 for a plain number"), direction()] if known else measured()
    return [*parts, Part("What is wanted", wanted)]


def _choose(data: JsonDict, text: str, shelf: Shelf) -> None:
    """Begins with another table, whose first column most often names the rows."""
    put(data, ("space", "candidates"), text or None)
    with suppress(FieldError):  # the check says why it cannot be read
        put(data, ("space", "columns"), {"id": shelf.columns(text)[0]})
    put(data, ("space", "features"), None)


def _columns(file: str, shelf: Shelf) -> Part:
    try:
        columns = shelf.columns(file)
    except FieldError:  # the check says why
        return Part("Columns", about="They cannot be read; the check says why.")
    return Part(
        "Columns",
        headings=("Column", "Use of the column"),
        rows=[[_role(place, column)] for place, column in enumerate(columns)],
        covers=("space.columns", "space.features"),
        lacking={"space.features": "mark at least one column that describes the candidates (a feature)"},
    )


def _role(place: int, column: str) -> Field:
    def read(data: JsonDict) -> str:
        alone = (role for role in _ALONE if found(data, ("space", "columns", role)) == column)
        return next(alone, "") or _described_as(data, column)

    def write(data: JsonDict, text: str) -> None:
        if text not in ROLES:
            raise FieldError(f"role-{place}", f"{text[:100]!r}; expected one of {', '.join(filter(None, ROLES))}")
        other = found(data, ("space", "columns", text)) if text in _ALONE else None
        if other is not None and other != column:
            raise FieldError(f"role-{place}", f"{other} {ROLES[text]} already; expected one column")
        _forget(data, column)
        if text in _ALONE:
            put(data, ("space", "columns", text), column)
        elif text:
            _describe(data, column, text)
        _say_what_is_wanted(data)

    return Field(f"role-{place}", column, read, write, choices=ROLES)


def _described_as(data: JsonDict, column: str) -> str:
    """Whether a column describes the candidates as a number or a category; empty: it does not."""
    for group in mapping_at(data, _FEATURES).values():
        if column in list_at(group, ("columns",)):
            return "category" if found(group, ("categories",)) else "number"
    return ""


def _forget(data: JsonDict, column: str) -> None:
    for role in _ALONE:
        if found(data, ("space", "columns", role)) == column:
            put(data, ("space", "columns", role), None)
    features = mapping_at(data, _FEATURES)
    for name, group in list(features.items()):
        if column in list_at(group, ("columns",)):
            group["columns"].remove(column)
            mapping_at(group, ("units",)).pop(column, None)
            if not group["columns"]:
                del features[name]


def _describe(data: JsonDict, column: str, role: str) -> None:
    name = "numbers" if role == "number" else "categories"
    put(data, (*_FEATURES, name, "columns"), [*list_at(data, (*_FEATURES, name, "columns")), column])
    if role == "number":
        put(data, (*_FEATURES, name, "units", column), "1")
    else:
        put(data, (*_FEATURES, name, "categories"), "one_hot")


def _say_what_is_wanted(data: JsonDict) -> None:
    """Known values say it themselves; without them people report it."""
    if found(data, ("space", "columns", "value")) is None:
        data.setdefault("calculator", {"type": "manual"})
    else:
        put(data, ("objective", "property"), None)
        if found(data, ("calculator", "type")) == "manual":
            del data["calculator"]


FORM = SpecForm(
    "Table",
    "Each row of a CSV file is a candidate. tansaku says which one to evaluate next.",
    "table",
    """\
schema_version: 1
name: my-table
space: {type: table}
calculator: {type: manual}
objective: {unit: '1', direction: maximize}
budget: {evaluations: 24}
""",
    _parts,
)
