"""The form of a search among compositions: one structure, and the ions that its sites may take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tansaku.deploy.web.spec_forms.fields import Field, Part, at, found, put, shown, split
from tansaku.deploy.web.spec_forms.form import SpecForm
from tansaku.deploy.web.spec_forms.parts import COMPUTED, PEOPLE, calculator, computed_property, direction
from tansaku.deploy.web.spec_forms.rows import NamedRow, names_in
from tansaku.deploy.web.spec_forms.shelf import Shelf
from tansaku.models.domain.records import JsonDict

PROPERTIES = {
    "energy_above_hull": "energy above the hull",
    "formation_energy": "formation energy",
    "energy_per_atom": "energy per atom",
    "volume": "volume per atom",
    "migration_barrier": "migration barrier of the mobile ion",
}
PROTOTYPE_SITES = {"tavorite": ("A", "M", "X", "Z")}
_FREE_ROWS = 2
_SITES, _PARENT = ("space", "sites"), ("space", "parent")
_PROTOTYPE = "prototype "


def _parts(data: JsonDict, shelf: Shelf) -> Sequence[Part]:
    chosen = _read_parent(data)
    choices = {"": "choose a structure"} | {f"{_PROTOTYPE}{name}": f"prototype: {name}" for name in PROTOTYPE_SITES}
    choices |= {name: name for name in [*([chosen] if chosen else []), *shelf.names("structure")] if name not in choices}
    parent = Field(
        "space.parent",
        "Prototype, or file of the library",
        _read_parent,
        _write_parent,
        ("space.parent",),
        choices=choices,
        about="A file has one ion on every site",
        files="structure",
    )
    wanted = replace(computed_property(PROPERTIES), read=lambda data: shown(found(data, ("objective", "property"))))
    return [
        Part("Structure", [parent]),
        _sites(data, chosen),
        Part("What is wanted", [_with_workflow(wanted), direction(), at("space.mobile", "Site of the mobile ion, if any")]),
        calculator(data, shelf, {**COMPUTED, **PEOPLE}),
    ]


def _with_workflow(field: Field) -> Field:
    """A barrier needs a workflow of the calculator, and every other property none."""

    def write(data: JsonDict, text: str) -> None:
        field.write(data, text)
        barrier, workflow = text == "migration_barrier", found(data, ("calculator", "workflow"))
        if barrier and workflow is None and found(data, ("calculator", "type")) != "manual":
            put(data, ("calculator", "workflow"), {"type": "migration_barrier"})
            put(data, ("space", "phases"), None)
        elif not barrier and found(workflow, ("type",)) == "migration_barrier":
            put(data, ("calculator", "workflow"), None)

    return replace(field, write=write)


def _read_parent(data: JsonDict) -> str:
    prototype = shown(found(data, (*_PARENT, "prototype")))
    return f"{_PROTOTYPE}{prototype}" if prototype else shown(found(data, (*_PARENT, "cif")))


def _write_parent(data: JsonDict, text: str) -> None:
    named = text.removeprefix(_PROTOTYPE)
    put(data, _PARENT, None if not text else {"prototype": named} if named != text else {"cif": text})


def _sites(data: JsonDict, chosen: str) -> Part:
    own = PROTOTYPE_SITES.get(chosen.removeprefix(_PROTOTYPE), ())
    names = sorted(names_in(data, _SITES, 0), key=lambda name: own.index(name) if name in own else len(own))
    missing = [name for name in own if name not in names]
    from_file = bool(chosen) and not own
    free = [""] * (_FREE_ROWS if from_file else 0)
    rows = [_row(place, name, from_file=from_file) for place, name in enumerate([*names, *missing, *free], 1)]
    headings = ("Site", *(["in the file"] if from_file else []), "Ions it may hold, separated by commas")
    about = (
        "All atoms of the ion in the file belong to the site."
        if from_file
        else "An empty list means all ions that the prototype knows for the site."
    )
    return Part("Sites", headings=headings, rows=rows, about=about)


def _row(place: int, name: str, *, from_file: bool) -> Sequence[Field]:
    row = NamedRow(_SITES, "site", place, name)
    of_file = [row.cell("replaces", "Ion in the file", str.strip)] if from_file else []
    covers = ("space.sites", "space") if place == 1 else ()
    return [row.name_field("A", *covers), *of_file, row.cell("ions", "Ions", split)]


FORM = SpecForm(
    "Compositions",
    "One structure, and several ions that its sites may take. tansaku says which composition to compute next.",
    "composition",
    """\
schema_version: 1
name: my-compositions
space:
  type: composition
  parent: {prototype: tavorite}
  sites:
    A:
      ions: [Li+]
calculator: {type: manual}
objective: {property: migration_barrier, unit: eV}
budget: {evaluations: 40}
""",
    _parts,
    example="tavorite-li",
)
