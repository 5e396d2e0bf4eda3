"""The form of a search among the rows of a table."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

from tansaku.deploy.web.spec_forms.fields import (
    Field,
    Part,
    at,
    choice,
    found,
    list_at,
    mapping_at,
    name_and_unit,
    number_in,
    put,
    shown,
)
from tansaku.deploy.web.spec_forms.form import SpecForm
from tansaku.deploy.web.spec_forms.parts import ALSO, DIRECTIONS, MOST_FURTHER, direction, further_names, measured
from tansaku.deploy.web.spec_forms.shelf import Shelf
from tansaku.models.domain.errors import FieldError
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.units import check_unit

ROLES = {
    "": "is not used",
    "id": "names the candidates",
    "value": "value to search for; all are known",
    "measured": "value to search for; people measure the empty cells",
    "also": "a further value to search for",
    "number": "describes them: a number",
    "category": "describes them: a category",
    "cost": "is what one costs",
}
"""Uses of a column, in words."""

_SHOWN = 4  # cells of a column
_MOST_CATEGORIES = 20
_MOSTLY = 0.5
_LONGEST_PROPERTY = 63
_WORDS_ID = re.compile(r"(?i)(id|name|label|candidate|sample|material|compound|formula|alloy)s?")
_WORDS_VALUE = re.compile(r"(?i)^(value|target|result|y|objective|property|score)\b|energy|yield|strength|conductivity|gap")
_ALONE = ("id", "value", "cost")
_WANTED = ("value", "measured")
_MEASURED = ("known", "value")
"""Key of the column whose empty cells people measure."""
_MEASURED_TOO, _RECORDED_TOO = ("known", "quantities"), ("space", "columns", "quantities")
"""Keys of the columns of further values: where people measure them, and where all are known."""
_FEATURES = ("space", "features")
_BUDGET, _MOST = ("budget", "evaluations"), 24  # as the form begins


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
    return [*parts, Part("What is wanted", [*wanted, *_directions(data)], covers=("objective.goal",))]


def _directions(data: JsonDict) -> Sequence[Field]:
    """Whether low or high values are wanted of each further quantity that is measured."""

    def wanted_of(place: int, name: str) -> Field:
        def write(data: JsonDict, text: str) -> None:
            list_at(data, ALSO)[place]["direction"] = text

        def read(data: JsonDict) -> str:
            return shown(found(list_at(data, ALSO)[place], ("direction",))) or "minimize"

        key = f"objective.goal.also.{place}.direction"
        return Field(key, f"You want, of {name}", read, write, (key,), choices=DIRECTIONS)

    return [wanted_of(place, name) for place, name in enumerate(further_names(data))]


def _choose(data: JsonDict, text: str, shelf: Shelf) -> None:
    """Begins with another table, whose first column most often names the rows."""
    put(data, ("space", "candidates"), text or None)
    put(data, ("space", "features"), None)
    with suppress(FieldError):  # the check says why it cannot be read
        cells = shelf.first_cells(text)
        rows = max(map(len, cells.values()))
        if found(data, _BUDGET) == _MOST and 0 < rows < _MOST:  # the number that the form begins with
            put(data, _BUDGET, rows)
        for column in _further(data):
            _forget(data, column)
        put(data, ("space", "columns"), None)
        put(data, ("known",), None)
        for column, role in guessed_roles(cells).items():
            _use(data, column, role)
        put(data, ("objective", "unit"), _unit_of(_wanted(data) or ""))
        _say_what_is_wanted(data)


def guessed_roles(cells: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """A sensible use of each column, by its name and first cells.

    The first column names the rows, or one that is called so. The value to search for is a column of numbers whose name says
    it, else the last one of the table.

    Args:
        cells: First cells by column.
    """
    columns = list(cells)
    names = next((column for column in columns if _WORDS_ID.fullmatch(column)), columns[0])
    others = [column for column in columns if column != names]
    numbers = [column for column in others if _are_numbers(cells[column])]
    value = next((column for column in numbers if _WORDS_VALUE.search(column)), "")
    if not value and len(others) > 1 and numbers and numbers[-1] == others[-1]:
        value = numbers[-1]
    roles = {column: "number" if column in numbers else "category" for column in others if _describes(cells[column])}
    filled = [bool(cell.strip()) for cell in cells.get(value, ())]
    wanted = "value" if all(filled) else "measured"
    # What was measured together is empty together.
    too = [column for column in numbers if wanted == "measured" and [bool(cell.strip()) for cell in cells[column]] == filled]
    return {names: "id", **roles, **dict.fromkeys(too[:MOST_FURTHER], "also"), **({value: wanted} if value else {})}


def _are_numbers(cells: Sequence[str]) -> bool:
    """Whether most cells are numbers; those that are none are left to the check, which names them."""
    given = [cell for cell in cells if cell.strip()]
    numbers = sum(isinstance(number_in(cell.replace(",", ".")), int | float) for cell in given)
    return numbers > _MOSTLY * len(given)


def _describes(cells: Sequence[str]) -> bool:
    """Whether most cells are numbers, or words that repeat."""
    distinct = len({*filter(None, cells)})
    return _are_numbers(cells) or (1 < distinct <= _MOST_CATEGORIES and distinct < len(cells))


def _unit_of(column: str) -> str:
    """The unit that a column's name has behind it, if it is known; else that of plain numbers."""
    unit = name_and_unit(column)[1]
    try:
        return check_unit(unit) if unit else "1"
    except ValueError:
        return "%" if unit.endswith("%") else "1"  # as in wt%


def _columns(file: str, shelf: Shelf) -> Part:
    try:
        columns = shelf.first_cells(file)
    except FieldError:  # the check says why
        return Part("Columns", about="They cannot be read; the check says why.")
    return Part(
        "Columns",
        about="Marked by a guess from the first rows: change what is wrong.",
        headings=("Column", "First rows", "Use of the column"),
        rows=[[_role(place, column, cells)] for place, (column, cells) in enumerate(columns.items())],
        covers=("space.columns", "space.features", "known"),
        lacking={"space.features": "mark at least one column that describes the candidates (a feature)"},
    )


def _role(place: int, column: str, cells: Sequence[str]) -> Field:
    def read(data: JsonDict) -> str:
        if found(data, _MEASURED) == column:
            return "measured"
        if column in _further(data):
            return "also"
        alone = (role for role in _ALONE if found(data, ("space", "columns", role)) == column)
        return next(alone, "") or _described_as(data, column)

    def write(data: JsonDict, text: str) -> None:
        if text not in ROLES:
            raise FieldError(f"role-{place}", f"{text[:100]!r}; expected one of {', '.join(filter(None, ROLES))}")
        other = _wanted(data) if text in _WANTED else found(data, ("space", "columns", text)) if text in _ALONE else None
        if other is not None and other != column:
            raise FieldError(f"role-{place}", f"{other} {ROLES[text]} already; expected one column")
        _forget(data, column)
        _use(data, column, text)
        _say_what_is_wanted(data)

    return Field(f"role-{place}", column, read, write, choices=ROLES, example=", ".join(filter(None, cells[:_SHOWN])))


def _use(data: JsonDict, column: str, role: str) -> None:
    if role in ("measured", "also"):
        put(data, ("known", "file"), found(data, ("space", "candidates")))
    if role == "measured":
        put(data, _MEASURED, column)
        put(data, ("objective", "property"), _property_of(column))
        put(data, ("objective", "unit"), _unit_of(column))
    elif role == "also":
        name, unit = _property_of(column) or column, _unit_of(column)
        put(data, (*_MEASURED_TOO, name), {"column": column, "unit": unit})
        entries = [*list_at(data, ALSO), {"property": name, "unit": unit, "direction": "maximize"}]
        put(data, ALSO[:-1], {"type": "pareto", "also": entries})
    elif role in _ALONE:
        put(data, ("space", "columns", role), column)
    elif role:
        _describe(data, column, role)


def _further(data: JsonDict) -> Mapping[str, str]:
    """The further quantity that each of some columns gives."""
    named = [
        (found(entry, ("column",)), name)
        for path in (_MEASURED_TOO, _RECORDED_TOO)
        for name, entry in mapping_at(data, path).items()
    ]
    return {column: name for column, name in named if isinstance(column, str)}


def _wanted(data: JsonDict) -> str | None:
    """The column of the values to search for; None: none has them."""
    column: str | None = found(data, ("space", "columns", "value")) or found(data, _MEASURED)
    return column


def _property_of(column: str) -> str | None:
    """The name under which the values of a column are measured; None: its heading has none."""
    words = re.sub(r"[^A-Za-z0-9]+", "_", name_and_unit(column)[0]).strip("_")
    return re.sub(r"^[^A-Za-z]+", "", words)[:_LONGEST_PROPERTY] or None


def _described_as(data: JsonDict, column: str) -> str:
    """Whether a column describes the candidates as a number or a category; empty: it does not."""
    for group in mapping_at(data, _FEATURES).values():
        if column in list_at(group, ("columns",)):
            return "category" if found(group, ("categories",)) else "number"
    return ""


def _forget(data: JsonDict, column: str) -> None:
    if found(data, _MEASURED) == column:
        put(data, _MEASURED, None)
    if (name := _further(data).get(column)) is not None:
        for path in (_MEASURED_TOO, _RECORDED_TOO):
            mapping_at(data, path).pop(name, None)
        entries = [entry for entry in list_at(data, ALSO) if found(entry, ("property",)) != name]
        put(data, ALSO[:-1], {"type": "pareto", "also": entries} if entries else None)
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
        put(data, (*_FEATURES, name, "units", column), _unit_of(column))
    else:
        put(data, (*_FEATURES, name, "categories"), "one_hot")


def _say_what_is_wanted(data: JsonDict) -> None:
    """Known values say it themselves; without them people report it."""
    recorded = found(data, ("space", "columns", "value")) is not None
    further = {**mapping_at(data, _RECORDED_TOO), **mapping_at(data, _MEASURED_TOO)}
    put(data, _RECORDED_TOO, further if further and recorded else None)
    put(data, _MEASURED_TOO, further if further and not recorded else None)
    if found(data, _MEASURED) is None and found(data, _MEASURED_TOO) is None:
        put(data, ("known",), None)
    if found(data, ("known",)) is not None:
        put(data, ("known", "candidate"), found(data, ("space", "columns", "id")))
    if not recorded:
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
    example="alloys",
)
