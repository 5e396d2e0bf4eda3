"""The form of a search among structures from files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tansaku.deploy.web.spec_forms.fields import Part, choice, found, list_at, put, several
from tansaku.deploy.web.spec_forms.form import SpecForm
from tansaku.deploy.web.spec_forms.parts import COMPUTED, PEOPLE, calculator, computed_property, direction
from tansaku.deploy.web.spec_forms.shelf import Shelf
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.structure_files import DATABASE_ENDINGS, XYZ_ENDINGS

PROPERTIES = {
    "energy_per_atom": "energy per atom",
    "formation_energy": "formation energy",
    "energy_above_hull": "energy above the hull",
    "volume": "volume per atom",
    "bulk_modulus": "bulk modulus",
    "band_gap": "band gap",
}
SYSTEMS = {
    "all": "one for all structures",
    "formula": "one for each formula",
    "elements": "one for each set of elements",
    "space_group": "one for each space group",
    "file": "one for each file",
}

_MOST = 24  # as the form begins
_BUDGET = ("budget", "evaluations")
_OF_SEVERAL = (*XYZ_ENDINGS, *DATABASE_ENDINGS)


def _parts(data: JsonDict, shelf: Shelf) -> Sequence[Part]:
    files = several(
        "space.paths",
        "Files of the library, one in each line",
        about="CIF, POSCAR, xyz, extended xyz; the names of the files become those of the candidates",
        lines=6,
        files="structure",
        covers=("space.paths", "space"),
        lacking={"space.paths": "choose at least one file"},
        suggestions=shelf.names("structure"),
    )

    def write(data: JsonDict, text: str) -> None:
        untouched = found(data, _BUDGET) == _usual_budget(data)
        files.write(data, text)
        if untouched:
            put(data, _BUDGET, _usual_budget(data))

    return [
        Part("Structures", [replace(files, write=write)]),
        Part(
            "What is wanted",
            [
                computed_property(PROPERTIES),
                direction(),
                choice("space.systems", "Answers", SYSTEMS, "formula"),
                choice("space.relaxed", "Structures are", {"false": "computed as they are", "true": "relaxed first"}, "false"),
            ],
        ),
        calculator(data, shelf, {**COMPUTED, **PEOPLE}),
    ]


def _usual_budget(data: JsonDict) -> int:
    """Not more evaluations than there are files, where each holds one structure."""
    files = list_at(data, ("space", "paths"))
    holds_several = any(str(file).lower().endswith(_OF_SEVERAL) for file in files)
    return _MOST if holds_several else min(_MOST, len(files) or _MOST)


FORM = SpecForm(
    "Structures",
    "You have structures. tansaku says which one to compute or to measure next.",
    "structures",
    """\
schema_version: 1
name: my-structures
space:
  type: structures
  paths: []
  systems: all
calculator: {type: emt}
objective: {property: energy_per_atom, unit: eV/atom}
budget: {evaluations: 24}
""",
    _parts,
)
