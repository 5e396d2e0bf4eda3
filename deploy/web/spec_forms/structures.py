"""The form of a search among structures from files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tansaku.deploy.web.spec_forms.fields import Field, Part, choice, found, list_at, number, put, several
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
_BOX = ("space", "box")
_ROOM = 8.0
"""Distance of a molecule to the walls of its box, as the form begins [Å]."""
_OF_SEVERAL = (*XYZ_ENDINGS, *DATABASE_ENDINGS)


def _parts(data: JsonDict, shelf: Shelf) -> Sequence[Part]:
    files = several(
        "space.paths",
        "Files, one in each line",
        about="CIF, POSCAR, xyz, extended xyz; named by their files, with a number behind where one holds several",
        lines=6,
        files="structure",
        covers=("space.paths", "space"),
        lacking={"space.paths": "choose at least one file"},
        suggestions=shelf.names("structure"),
    )

    def write(data: JsonDict, text: str) -> None:
        untouched, before = found(data, _BUDGET) == _usual_budget(data), _names(data)
        files.write(data, text)
        if untouched:
            put(data, _BUDGET, _usual_budget(data))
        added = [name for name in _names(data) if name not in before and name.lower().endswith(XYZ_ENDINGS)]
        if found(data, _BOX) is None and any(shelf.is_molecule(name) for name in added):
            put(data, _BOX, _ROOM)

    return [
        Part("Structures", [replace(files, write=write), *_box(data)]),
        Part(
            "What is wanted",
            [
                computed_property(PROPERTIES),
                direction(),
                choice("space.systems", "Find the best", SYSTEMS, "formula"),
                choice("space.relaxed", "Structures are", {"false": "computed as they are", "true": "relaxed first"}, "false"),
            ],
        ),
        calculator(data, shelf, {**COMPUTED, **PEOPLE}),
    ]


def _box(data: JsonDict) -> Sequence[Field]:
    """The field for the box around molecules, where a file may hold some."""
    if found(data, _BOX) is None and not any(name.lower().endswith(XYZ_ENDINGS) for name in _names(data)):
        return ()
    about = "A file that gives no cell holds a molecule. It is put into a box this far from the walls; empty: it is refused."
    return (number(".".join(_BOX), "Box around molecules [Å]", about=about),)


def _names(data: JsonDict) -> Sequence[str]:
    return [str(name) for name in list_at(data, ("space", "paths"))]


def _usual_budget(data: JsonDict) -> int:
    """Not more evaluations than there are files, where each holds one structure."""
    files = _names(data)
    holds_several = any(file.lower().endswith(_OF_SEVERAL) for file in files)
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
    example="cu-au",
)
