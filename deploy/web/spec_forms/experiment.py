"""The form of an experiment: parameters that are varied, and a value that people report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tansaku.deploy.web.spec_forms.fields import Field, Part, found, number_in, split
from tansaku.deploy.web.spec_forms.form import SpecForm
from tansaku.deploy.web.spec_forms.parts import measured
from tansaku.deploy.web.spec_forms.rows import NamedRow, names_in
from tansaku.deploy.web.spec_forms.shelf import Shelf
from tansaku.models.domain.records import JsonDict

KINDS = {"number": "a number", "integer": "a whole number", "category": "one of several"}
"""Kinds of parameters, in words."""

_FREE_ROWS = 3
_PARAMETERS = ("space", "parameters")


def _parts(data: JsonDict, _: Shelf) -> Sequence[Part]:
    rows = [_row(data, place, name) for place, name in enumerate(names_in(data, _PARAMETERS, _FREE_ROWS), 1)]
    headings = ("Parameter", "Is", "From", "To", "Unit", "or one of, with commas")
    return [Part("What you vary", headings=headings, rows=rows), Part("What you measure", measured())]


def _row(data: JsonDict, place: int, name: str) -> Sequence[Field]:
    row = NamedRow(_PARAMETERS, "parameter", place, name, {"type": "number"})
    kind = found(data, (*_PARAMETERS, name, "type"))
    choices = KINDS | ({kind: kind} if isinstance(kind, str) and kind not in KINDS else {})
    of_kind = row.cell("type", "Kind", str, choices=choices)

    def write(data: JsonDict, text: str) -> None:
        row.put(data, "type", text)
        for other in ("low", "high", "unit") if text == "category" else ("values",):
            row.put(data, other, None)

    is_category = kind == "category"
    bound = 0 if is_category else 1
    return [
        row.name_field("temperature", *(("space.parameters", "space") if place == 1 else ())),
        replace(of_kind, read=lambda data: of_kind.read(data) or "number", write=write),
        row.cell("low", "From", number_in, number=True, columns=bound),
        row.cell("high", "To", number_in, number=True, columns=bound),
        row.cell("unit", "Unit", str.strip, columns=bound),
        row.cell("values", "Values", split, columns=4 if is_category else 1),
    ]


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
""",
    _parts,
)
