"""The form of a search for the path of an ion through a crystal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tansaku.deploy.web.spec_forms.fields import Part, at, choice, found, number, put, shown, whole_numbers
from tansaku.deploy.web.spec_forms.form import SpecForm
from tansaku.deploy.web.spec_forms.parts import COMPUTED, calculator
from tansaku.deploy.web.spec_forms.shelf import Shelf
from tansaku.models.domain.records import JsonDict

_HOST = ("space", "host")
_DIMENSIONS = {"1": "in one direction", "2": "in a plane", "3": "in all directions"}


def _parts(data: JsonDict, shelf: Shelf) -> Sequence[Part]:
    named = _host(data)
    choices = {"": "choose a file", **({named: named} if named else {}), **{name: name for name in shelf.names("structure")}}
    host = at("space.host", "Crystal without the ion, a file of the library", choices=choices, files="structure")
    dimensions = choice("objective.goal.dimensions", "The ion is to move", _DIMENSIONS, "3")
    return [
        Part(
            "Crystal and ion",
            [
                replace(host, read=_host, write=_put_host),
                at("space.ion", "Ion: its element", about="Such as Li"),
                number("space.grid", "Largest step of the grid [Å]"),
                whole_numbers("space.supercell", "Cells along each vector", about="Such as 2 2 2"),
            ],
        ),
        Part(
            "What is wanted",
            [
                replace(dimensions, write=lambda data, text: put(data, ("objective", "goal", "dimensions"), int(text or 3))),
                at("budget.stop.within", "Barrier is known within", about="Such as 10 meV"),
            ],
        ),
        calculator(data, shelf, COMPUTED),
    ]


def _host(data: JsonDict) -> str:
    """The host's file; a host that is none is described in words, and can be changed in the text."""
    host = found(data, _HOST)
    if not isinstance(host, dict):
        return ""
    return shown(host.get("file")) or f"{shown(host.get('structure') or host.get('prototype'))} crystal of the text"


def _put_host(data: JsonDict, text: str) -> None:
    put(data, _HOST, {"file": text} if text else None)


FORM = SpecForm(
    "Diffusion path",
    "An ion moves through a crystal. tansaku finds its path and how high the barrier is.",
    "energy_surface",
    """\
schema_version: 1
name: my-path
space:
  type: energy_surface
  ion: Li
  grid: 0.25
  supercell: [2, 2, 2]
calculator: {type: chgnet}
objective:
  property: energy
  unit: eV
  goal: {type: bottleneck, dimensions: 3}
budget:
  evaluations: 100
  stop: {within: 10 meV, probability: 0.95, every: 5}
""",
    _parts,
    example="h-in-al",
)
