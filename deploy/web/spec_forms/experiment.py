"""The form of an experiment: parameters that are varied, and a value that people report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tansaku.deploy.web.spec_forms.fields import (
    Field,
    Part,
    Write,
    found,
    list_at,
    mapping_at,
    name_and_unit,
    number_in,
    put,
    range_in,
    shown,
    split,
)
from tansaku.deploy.web.spec_forms.form import SpecForm
from tansaku.deploy.web.spec_forms.parts import ALSO, DIRECTIONS, MOST_FURTHER, further_names, measured
from tansaku.deploy.web.spec_forms.rows import NamedRow, names_in
from tansaku.deploy.web.spec_forms.shelf import Shelf
from tansaku.models.domain.errors import FieldError
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.report_columns import ALIASES, COLUMNS, VALUE
from tansaku.tasks.act.measurements.report_file import Report, ReportError, Row, read_report

KINDS = {"number": "a number", "integer": "a whole number", "category": "one of several"}
"""Kinds of parameters, in words."""

EARLIER = "earlier"
"""Name of the field with earlier results."""

_OTHERWISE = {*COLUMNS, *ALIASES}
"""Names of columns of a report that are no parameters."""

_FREE_ROWS = 3
_PARAMETERS = ("space", "parameters")
_KEYS = {"number": ("low", "high", "step", "unit"), "integer": ("low", "high", "unit"), "category": ("values",)}


def _parts(data: JsonDict, _: Shelf) -> Sequence[Part]:
    rows = [_row(data, place, name) for place, name in enumerate(names_in(data, _PARAMETERS, _FREE_ROWS), 1)]
    headings = ("Parameter", "Is", "From", "To", "Step", "Unit", "or one of (a, b, c)")
    return [
        Part(
            "What you vary",
            headings=headings,
            rows=rows,
            about="Give a step to get values that you can set, such as 5 for 20, 25, 30 …; without one any value is proposed.",
        ),
        Part("What you measure", measured()),
        *_further_goals(data),
        Part("Paste a table: parameters, or earlier results", [_listed(), _earlier()], more=True),
    ]


def _row(data: JsonDict, place: int, name: str) -> Sequence[Field]:
    row = NamedRow(_PARAMETERS, "parameter", place, name, {"type": "number"})
    kind = found(data, (*_PARAMETERS, name, "type")) or "number"
    choices = KINDS | ({kind: kind} if isinstance(kind, str) and kind not in KINDS else {})
    of_kind = row.cell("type", "Kind", str, choices=choices)
    named = row.name_field("temperature", *(("space.parameters", "space") if place == 1 else ()))
    if place == 1:
        named = replace(named, lacking={"space.parameters": "name at least one parameter"})

    def rename(data: JsonDict, text: str) -> None:
        called, unit = name_and_unit(text)
        named.write(data, called)
        if unit and found(data, (*_PARAMETERS, called, "type")) in ("number", "integer"):
            mapping_at(data, (*_PARAMETERS, called)).setdefault("unit", unit)

    def bound(key: str, title: str) -> Field:
        return replace(row.cell(key, title, number_in, number=True, columns=int(not is_category)), write=_typed(row, key))

    is_category = kind == "category"
    return [
        replace(named, write=rename),
        replace(
            of_kind,
            read=lambda data: of_kind.read(data) or "number",
            write=lambda data, text: _become(row, data, text),
            decides=True,
        ),
        bound("low", "From"),
        bound("high", "To"),
        row.cell("step", "Step", number_in, number=True, columns=int(kind not in ("category", "integer"))),
        row.cell("unit", "Unit", str.strip, columns={"category": 0, "integer": 2}.get(kind, 1)),
        replace(row.cell("values", "Values", split, columns=5 if is_category else 1), write=_typed(row, "values")),
    ]


def _further_goals(data: JsonDict) -> Sequence[Part]:
    """The part about further quantities; none where the text has a goal of another type."""
    if found(data, ("objective", "goal", "type")) not in (None, "pareto"):
        return []
    names = further_names(data)
    rows = [_FurtherRow(place, name).fields for place, name in enumerate([*names, *[""] * MOST_FURTHER][:MOST_FURTHER], 1)]
    about = "Each sample is measured in these ways too; wanted are the samples that no other one beats in every respect."
    return [Part("What else you measure", (), ("Quantity", "Unit", "You want"), rows, about, not names, ("objective.goal",))]


class _FurtherRow:
    """A row whose entry of the list may get its name in the same step as the other fields.

    Args:
        place: Number of the row, from 1.
        name: Of the quantity; empty: none yet.
    """

    def __init__(self, place: int, name: str) -> None:
        self._place, self._name, self._called = place, name, name

    @property
    def fields(self) -> Sequence[Field]:
        """Name, unit and direction."""
        named = self._cell("property", "Name of")
        return [
            replace(named, name=f"also-{self._place}", read=lambda _: self._name, write=self._rename),
            self._cell("unit", "Unit of"),
            replace(self._cell("direction", "Wanted of"), choices=DIRECTIONS, columns=2),
        ]

    def _cell(self, key: str, title: str) -> Field:
        def write(data: JsonDict, text: str) -> None:
            if self._called:
                self._entry(data)[key] = text.strip()
            elif text.strip() and key == "unit":
                raise FieldError(f"also-{self._place}", "missing; expected a name such as toughness")

        return Field(
            f"also-{key}-{self._place}",
            f"{title} {self._name or f'quantity {self._place}'}",
            lambda data: shown(self._entry(data).get(key)),
            write,
            (f"objective.goal.also.{self._place - 1}.{key}",),
        )

    def _entry(self, data: JsonDict) -> JsonDict:
        entries = (entry for entry in list_at(data, ALSO) if found(entry, ("property",)) == self._called)
        return next(entries, {"unit": "1", "direction": "maximize"})

    def _rename(self, data: JsonDict, text: str) -> None:
        (new, unit), names = name_and_unit(text), further_names(data)
        at = names.index(self._called) if self._called else len(names)
        entry = {"property": new} | self._entry(data) | {"property": new} | ({"unit": unit} if unit else {})
        entries = [*list_at(data, ALSO)[:at], *([entry] if new else []), *list_at(data, ALSO)[at + 1 :]]
        goal = mapping_at(data, ALSO[:-1]) | {"type": "pareto", "also": entries}
        put(data, ALSO[:-1], goal if entries else None)
        self._called = new


def _become(row: NamedRow, data: JsonDict, kind: str) -> None:
    """Makes a parameter one of a kind, without the keys of the others."""
    row.put(data, "type", kind)
    for key in {key for keys in _KEYS.values() for key in keys} - {*_KEYS.get(kind, ())}:
        row.put(data, key, None)


def _typed(row: NamedRow, key: str) -> Write:
    """Writes what was typed for a key; a range makes the parameter a number, and words make it one of several."""

    def write(data: JsonDict, text: str) -> None:
        limits, words = range_in(text), split(text)
        of_words = key == "values" or (len(words) > 1 and isinstance(number_in(text), str))
        if limits:
            if key == "values":
                _become(row, data, "number")
            row.put(data, "low", limits[0])
            row.put(data, "high", limits[1])
        elif words and of_words:
            _become(row, data, "category")
            row.put(data, "values", words)
        else:
            row.put(data, key, number_in(text) if words and not of_words else None)

    return write


def _listed() -> Field:
    """The parameters as lines, which a spreadsheet's cells can be pasted over."""

    def read(data: JsonDict) -> str:
        return "\n".join(_line(name, entry) for name, entry in mapping_at(data, _PARAMETERS).items())

    def write(data: JsonDict, text: str) -> None:
        before = mapping_at(data, _PARAMETERS)
        put(data, _PARAMETERS, {name: _merged(before.get(name), entry) for name, entry in map(_entry, _lines(text))})

    about = "A parameter per line, with commas or as spreadsheet cells: temperature (K), 300, 400 or solvent, water, ethanol"
    return Field("listed", "Parameters", read, write, lines=4, about=about)


def _lines(text: str) -> list[list[str]]:
    lines = ([cell.strip() for cell in line.split("\t" if "\t" in line else ",")] for line in text.splitlines())
    return [cells for cells in lines if any(cells)]


def _merged(before: object, entry: JsonDict) -> JsonDict:
    """An entry with the further keys that it had before, if it is of the same kind still."""
    kind = found(before, ("type",))
    same = not entry or (kind == "category") == (entry["type"] == "category")
    return {**before, **entry, "type": kind} if isinstance(before, dict) and same else entry


def _line(name: str, entry: object) -> str:
    unit, values = found(entry, ("unit",)), found(entry, ("values",))
    cells = values if isinstance(values, list) else [found(entry, ("low",)), found(entry, ("high",))]
    return ", ".join([f"{name} ({unit})" if unit else name, *filter(None, map(shown, cells))])


def _entry(cells: Sequence[str]) -> tuple[str, JsonDict]:
    """Name and entry of a line. Raises FieldError."""
    (name, unit), values = name_and_unit(cells[0]), [cell for cell in cells[1:] if cell]
    limits = range_in(values[0]) if len(values) == 1 else None
    numbers = limits or tuple(number for number in map(number_in, values) if isinstance(number, int | float))
    if not name:
        raise FieldError("listed", f"{', '.join(cells)[:100]!r}; expected a name, then two numbers or several words")
    if not values:  # of a kind that a line does not describe
        return name, {}
    if len(numbers) < 2 or len(numbers) < len(values):
        return name, {"type": "category", "values": values}
    return name, {"type": "number", "low": min(numbers), "high": max(numbers), **({"unit": unit} if unit else {})}


def _earlier() -> Field:
    """Results that are known already; where no parameter is named, they name them."""

    def write(data: JsonDict, text: str) -> None:
        if not text.strip():
            return
        table = _read(text)
        report, wanted = _renamed(table, data), _wanted(table, data)
        if not mapping_at(data, _PARAMETERS):
            columns = [name for name in report.columns if name not in {*_OTHERWISE, *further_names(data)}]
            put(data, _PARAMETERS, dict(_column(report, name) for name in columns))
        if found(data, ("objective", "property")) is None and wanted not in _OTHERWISE:
            put(data, ("objective", "property"), name_and_unit(wanted)[0])
        if VALUE in report.units and found(data, ("objective", "unit")) in (None, "1"):
            put(data, ("objective", "unit"), report.units[VALUE])

    about = (
        "Rows of a spreadsheet with their heading, pasted or from a CSV or Excel file; the last column is the value. They are "
        "stored when you create the campaign."
    )
    return Field(
        EARLIER, "Earlier results", lambda _: "", write, lines=4, about=about, aside=True, reads=".csv,.tsv,.txt,.xlsx"
    )


def earlier_report(text: str, data: JsonDict) -> Report:
    """The report of a pasted table, whose columns are called as the parameters are.

    Args:
        data: Of the spec, whose objective the table may name.

    Raises:
        FieldError: The text is no table.
    """
    return _renamed(_read(text), data)


def _wanted(report: Report, data: JsonDict) -> str:
    """The column of the value: the one that is called as the objective, else the last that is no further quantity."""
    names = {name: name_and_unit(name)[0] for name in report.columns}
    own = [name for name in report.columns if names[name] == found(data, ("objective", "property"))]
    return (own or [name for name in report.columns if names[name] not in further_names(data)] or list(report.columns))[-1]


def _renamed(report: Report, data: JsonDict) -> Report:
    names = {name: name if name in _OTHERWISE else name_and_unit(name)[0] for name in report.columns}
    if VALUE not in names:
        names[_wanted(report, data)] = VALUE
    rows = tuple(Row(row.line, {names[name]: cell for name, cell in row.cells.items()}) for row in report.rows)
    return Report(tuple(names.values()), {names[name]: unit for name, unit in report.units.items()}, rows, report.comma)


def _read(text: str) -> Report:
    try:
        return read_report(text.encode(), "the table")
    except ReportError as error:
        raise FieldError(EARLIER, error.listed) from error


def _column(report: Report, name: str) -> tuple[str, JsonDict]:
    """Name and entry of the parameter of a column: the range of its numbers, or its words."""
    cells = dict.fromkeys(row.cells[name] for row in report.rows if name in row.cells)
    return _entry([f"{name} ({report.units[name]})" if name in report.units else name, *cells])


FORM = SpecForm(
    "Experiment",
    "You vary some parameters and measure what comes out. tansaku proposes what to try next.",
    "parameters",
    """\
schema_version: 1
name: my-experiment
space:
  type: parameters
  parameters: {}
calculator: {type: manual}
objective: {unit: '1', direction: maximize}
budget: {evaluations: 24}
execution: {in_flight: 5}
""",
    _parts,
    example="yield",
)
