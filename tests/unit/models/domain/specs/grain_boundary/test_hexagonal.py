"""What a space of boundaries may say of a hexagonal crystal; everything else is refused by the key before anything is spent."""

import pytest
from pydantic import ValidationError

from tansaku.models.domain.specs.grain_boundary import GrainBoundarySpaceSpec

SPACE = {
    "type": "grain_boundary",
    "crystal": {"structure": "hcp", "element": "Mg", "lattice_parameter": [3.21, 5.21]},
    "axis": [1, -2, 1, 0],
    "boundaries": {"planes": [[1, 0, -1, 2]]},
    "cell": {"boundaries": 1},
}
CRYSTAL = SPACE["crystal"]
CUBIC = {"crystal": {"structure": "fcc", "element": "Al", "lattice_parameter": 4.05}, "axis": [1, 1, 0]}


def test_a_hexagonal_crystal_has_an_edge_and_a_height():
    spec = GrainBoundarySpaceSpec.model_validate(SPACE)
    assert spec.crystal.parameters == (3.21, 5.21)
    assert spec.crystal.written_parameters == [3.21, 5.21]
    assert GrainBoundarySpaceSpec.model_validate_json(spec.model_dump_json()) == spec
    assert GrainBoundarySpaceSpec.model_validate(SPACE | {"crystal": CRYSTAL | {"lattice_parameter": "auto"}})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"crystal": CRYSTAL | {"lattice_parameter": 3.21}}, r"lattice_parameter: 3.21; expected \[a, c\]"),
        ({"crystal": CRYSTAL | {"lattice_parameter": [5.21, 3.21]}}, "expected c/a from 1.2 to 2.2, a first"),
        ({"crystal": CRYSTAL | {"own_lattice_parameter": 3.21}}, "own_lattice_parameter: 3.21; expected"),
        ({"axis": [1, 1, 0]}, r"axis: \[1, 1, 0\]; expected four Miller-Bravais indices"),
        ({"axis": [1, 1, 0, 0]}, r"axis: \[1, 1, 0, 0\]; the first three add up to 2, expected 0"),
        ({"boundaries": {"planes": [[1, 0, 2]]}}, r"boundaries.planes: \[1, 0, 2\]; expected four"),
        ({"boundaries": {"planes": [[1, 0, 1, 2]]}}, r"boundaries.planes: \[1, 0, 1, 2\]; the first three add up to 2"),
        ({"boundaries": {"max_sigma": 50}}, "boundaries.max_sigma: 50; .* has no Σ, expected planes"),
        ({"cell": {"boundaries": 2}}, r"cell.boundaries: 2; .* expected cell: \{boundaries: 1\}"),
        ({"removed_planes": "full"}, "removed_planes: full; .* are a translation"),
        ({"removed_planes": [0, 3]}, r"removed_planes: \[0, 3\]; .* are a translation"),
        (CUBIC, r"boundaries.planes: \[1, 0, -1, 2\]; expected three Miller indices for fcc"),
        (CUBIC | {"axis": [1, -2, 1, 0]}, r"axis: \[1, -2, 1, 0\]; expected three Miller indices for fcc"),
        ({"crystal": CUBIC["crystal"] | {"lattice_parameter": [4.05, 5]}}, "expected one number for fcc"),
    ],
)
def test_what_does_not_fit_is_refused_by_its_key(changes, message):
    with pytest.raises(ValidationError, match=message):
        GrainBoundarySpaceSpec.model_validate(SPACE | changes)


TETRAGONAL = {
    "type": "grain_boundary",
    "crystal": {"structure": "bct", "element": "In", "lattice_parameter": [3.25, 4.95]},
    "boundaries": {"general": [{"axis": [0, 0, 1], "sigma": 5, "plane": [0, 0, 1]}]},
    "cell": {"boundaries": 1},
}
GENERAL = {"general": [{"axis": [0, 0, 0, 1], "sigma": 7, "plane": [0, 0, 0, 1]}]}


def general(**keys):
    return {"boundaries": {"general": [{"axis": [0, 0, 1], "sigma": 5, "plane": [0, 0, 1]} | keys]}}


def test_boundaries_in_any_plane_of_crystals_with_a_main_axis():
    assert GrainBoundarySpaceSpec.model_validate(TETRAGONAL).crystal.parameters == (3.25, 4.95)
    hexagonal = {key: value for key, value in SPACE.items() if key != "axis"} | {
        "boundaries": GENERAL,
        "removed_planes": [0, 3],
    }
    assert GrainBoundarySpaceSpec.model_validate(hexagonal).boundaries.general[0].axis == (0, 0, 0, 1)
    rhombohedral = TETRAGONAL["crystal"] | {"structure": "rhombohedral", "element": "Hg", "lattice_parameter": [3.46, 6.7]}
    assert GrainBoundarySpaceSpec.model_validate(TETRAGONAL | {"crystal": rhombohedral, "boundaries": GENERAL})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"boundaries": GENERAL}, r"general\[0\].axis: \[0, 0, 0, 1\]; expected three Miller indices for bct"),
        (
            {"boundaries": {"planes": [[1, 0, 0]]}},
            "boundaries: symmetric tilts of bct by planes or max_sigma; exp",
        ),
        ({"cell": {"boundaries": 2}}, r"cell.boundaries: 2; .* expected cell: \{boundaries: 1\}"),
        ({"crystal": TETRAGONAL["crystal"] | {"lattice_parameter": [3.25, 9.0]}}, "expected c/a from 0.5 to 2, a first"),
        ({"crystal": TETRAGONAL["crystal"] | {"lattice_parameter": 3.25}}, r"expected \[a, c\], .* for bct"),
        (
            general(max_strain=0.01),
            "axis, max_strain, plane, sigma; expected axis, .* or ratio with max_strain",
        ),
        ({"crystal": CUBIC["crystal"], **general(ratio=[8, 3])}, r"general\[0\].ratio: \[8, 3\]; .* fcc has none, remove it"),
    ],
)
def test_what_does_not_fit_a_tetragonal_crystal_is_refused_by_its_key(changes, message):
    with pytest.raises(ValidationError, match=message):
        GrainBoundarySpaceSpec.model_validate(TETRAGONAL | changes)
