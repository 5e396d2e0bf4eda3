"""The form of a search for grain boundaries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tansaku.deploy.web.spec_forms.fields import (
    Field,
    Part,
    at,
    choice,
    found,
    indices_in,
    indices_shown,
    number,
    put,
    shown,
    split,
    whole_numbers,
)
from tansaku.deploy.web.spec_forms.form import SpecForm
from tansaku.deploy.web.spec_forms.parts import COMPUTED, calculator
from tansaku.deploy.web.spec_forms.shelf import Shelf
from tansaku.models.domain.records import JsonDict

CRYSTALS = {"fcc": "fcc", "bcc": "bcc", "diamond": "diamond", "hcp": "hcp", "bct": "bct", "rhombohedral": "rhombohedral"}
_PLANES = ("space", "boundaries", "planes")
_LATTICE = ("space", "crystal", "lattice_parameter")
_ANGLES = ("space", "boundaries", "angles")


def _parts(data: JsonDict, shelf: Shelf) -> Sequence[Part]:
    crystal = Part(
        "Crystal",
        [
            replace(choice("space.crystal.structure", "Structure", CRYSTALS), write=_structure),
            at("space.crystal.element", "Element"),
            Field(
                "space.crystal.lattice_parameter",
                "Lattice parameter [Å]",
                lambda data: indices_shown(found(data, _LATTICE)),
                _lattice,
                ("space.crystal.lattice_parameter", "space.crystal"),
                about="A number, a and c of hcp, bct and rhombohedral, or auto for the calculator's own",
            ),
        ],
    )
    boundaries = Part(
        "Boundaries",
        [
            whole_numbers("space.axis", "Tilt axis", about="Such as 1 1 0"),
            Field(
                "space.boundaries.planes",
                "Planes",
                _planes,
                _put_planes,
                ("space.boundaries.planes", "space.boundaries"),
                about="One in each line, such as 1 1 3; or empty, with a largest Σ below",
                lines=4,
            ),
            number("space.boundaries.max_sigma", "All boundaries up to Σ"),
            Field(
                "space.boundaries.angles",
                "of angles from, to [°]",
                lambda data: indices_shown(found(data, _ANGLES)),
                lambda data, text: put(data, _ANGLES, indices_in(text.replace("to", " ").replace("-", " "))),
                ("space.boundaries.angles",),
                about="Such as 20 160",
            ),
        ],
        about="The check lists the boundaries that this means.",
    )
    return [crystal, boundaries, calculator(data, shelf, COMPUTED)]


def _structure(data: JsonDict, text: str) -> None:
    put(data, ("space", "crystal", "structure"), text)
    if text == "hcp" and found(data, ("space", "cell")) is None:
        put(data, ("space", "cell"), {"boundaries": 1})  # the only one that its planes fit


def _lattice(data: JsonDict, text: str) -> None:
    numbers = indices_in(text)
    put(data, _LATTICE, numbers[0] if numbers is not None and len(numbers) == 1 else numbers)


def _planes(data: JsonDict) -> str:
    planes = found(data, _PLANES)
    return "\n".join(map(indices_shown, planes)) if isinstance(planes, list) else shown(planes)


def _put_planes(data: JsonDict, text: str) -> None:
    lines = split(text.replace(",", " "))
    put(data, _PLANES, [indices_in(line) for line in lines] or None)


FORM = SpecForm(
    "Grain boundaries",
    "Two grains of a crystal meet. tansaku finds the structure of lowest energy of each boundary.",
    "grain_boundary",
    """\
schema_version: 1
name: my-boundaries
space:
  type: grain_boundary
  crystal: {structure: fcc, element: Cu, lattice_parameter: auto}
  axis: [1, 1, 0]
  boundaries:
    planes:
    - [1, 1, 3]
    - [1, 1, 1]
  translation:
    normal: {stop: 0.6, step: 0.3}
    in_plane: {step: 0.4}
    along_axis: {step: 0.4}
calculator:
  type: emt
  relaxation: {fmax: 0.01}
objective: {unit: mJ/m2}
budget: {evaluations: 100}
""",
    _parts,
    systems="boundaries",
    example="cu-emt",
)
