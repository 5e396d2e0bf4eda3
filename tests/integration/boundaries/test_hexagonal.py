"""Twins of magnesium against cells that are built from ASE's crystal by a reflection (Sun et al. 2006,
doi:10.1103/PhysRevB.73.024116).
"""

from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, make_supercell

from tansaku.calculators.calculator_registry import open_calculator
from tansaku.calculators.structures.hexagonal import HexagonalCrystal
from tansaku.calculators.structures.rigid_blocks import WITNESS
from tansaku.calculators.workflows.boundary_energy import EV_PER_A2, boundary_energy, bulk_reference
from tansaku.calculators.workflows.grain_check import check_grains, crystal_stiffness
from tansaku.calculators.workflows.own_crystal import likely_crystal, own_crystal
from tansaku.models.domain.specs.calculators.lammps import LammpsSpec
from tansaku.models.domain.specs.grain_boundary import GrainBoundarySpaceSpec
from tansaku.models.domain.specs.relaxation import RelaxationSpec
from tansaku.spaces.space_registry import open_space
from tansaku.tasks.node.jobs.document import JobDocument
from tansaku.tasks.node.jobs.evaluate import evaluate

MG = HexagonalCrystal("Mg", 3.1842, 5.1844)


@pytest.fixture
def magnesium(require):
    require("lammps")
    calculator = open_calculator(LammpsSpec(potential="Mg_mm.eam.fs"), Path())
    yield calculator
    calculator.close()


def test_the_crystal_is_the_potential_s_own(magnesium):
    found = own_crystal(magnesium, likely_crystal("hcp", "Mg"))
    a, c = found.lattice_parameter
    # a as the potential's file gives it; ratio and energy as another minimiser finds them.
    assert a == pytest.approx(3.18421, abs=2e-4)
    assert c / a == pytest.approx(1.628, abs=5e-4)
    bulk_energy = bulk_reference(magnesium, "hcp", "Mg", found.lattice_parameter).energy_per_atom
    assert bulk_energy == pytest.approx(-1.529, abs=5e-4)
    # A stretch is judged by the same energy that the crystal has when it is stretched.
    stiffness = crystal_stiffness(magnesium, HexagonalCrystal("Mg", a, c))
    gradient = np.eye(3) + 1e-3 * np.array([[1.0, 0.4, 0.7], [0.4, -0.5, 0.3], [0.7, 0.3, 2.0]])
    cell = HexagonalCrystal("Mg", a, c).unit_cell()
    cell.set_cell(cell.cell.array @ gradient.T, scale_atoms=True)
    cost = magnesium.evaluate(cell).energy / len(cell) - bulk_energy
    assert stiffness.energy(gradient) == pytest.approx(cost, rel=0.03)


def reflected(plane, across, along, layers, shift):
    """ASE's crystal below its mirror image in a periodic cell; both boundaries are alike, because the crystal has a centre.

    Args:
        plane: (h, k, l).
        across: Lattice vector in the plane, perpendicular to the axis.
        along: Lattice vector along the axis.
        layers: Lattice planes of a grain.
        shift: Of the upper grain in the plane, in shares of the two vectors.
    """
    primitive = bulk("Mg", "hcp", a=MG.lattice_parameter, c=MG.height)
    normal = np.array(plane) @ primitive.cell.reciprocal()
    rows = np.array([np.array(across) @ primitive.cell, np.array(along) @ primitive.cell, normal])
    spacing, (width, depth) = 1.0 / np.linalg.norm(normal), np.linalg.norm(rows[:2], axis=1)
    points = make_supercell(primitive, max(24, 3 * layers // 2) * np.eye(3, dtype=int)).positions
    points = (points - points.mean(axis=0) + [0.01, 0.02, 0.03]) @ (rows / np.linalg.norm(rows, axis=1)[:, None]).T
    points = points[np.all((points[:, :2] >= 0) & (points[:, :2] < [width, depth]), axis=1)]
    # The cut goes through the middle of the widest gap between planes of atoms.
    heights = np.unique(points[np.abs(points[:, 2]) < 3 * spacing, 2].round(6))
    gap = int(np.argmax(np.diff(heights)))
    points[:, 2] -= heights[gap : gap + 2].mean()
    lower = points[(points[:, 2] < 0) & (points[:, 2] > -layers * spacing)]
    upper = lower * [1, 1, -1] + [shift[0] * width, shift[1] * depth, 0.3]
    cell = [width, depth, 2.0 * (layers * spacing + 0.3)]
    atoms = Atoms(f"Mg{2 * len(lower)}", positions=np.concatenate((lower, upper)), cell=cell, pbc=True)
    atoms.wrap()
    atoms.set_array("grain", np.repeat([0, 1], len(lower)))
    atoms.set_array("boundary", (np.abs(np.concatenate((lower, upper))[:, 2]) > layers * spacing / 2).astype(int))
    return atoms


@pytest.mark.parametrize(
    ("plane", "axis", "lattice", "place", "shifts", "known"),
    [
        ((1, 0, -1, 2), (1, -2, 1, 0), ((2, 1, -1), (0, 1, 0)), (3.24, 0.0), ((0.25, 0.5), (0.0, 0.0)), 114.5),
        ((1, 1, -2, 1), (1, -1, 0, 0), ((1, 1, -2), (1, -1, 0)), (4.34, 1.38), ((0.25, 0.5), (0.5, 0.0)), 65.6),
    ],
)
def test_both_builders_find_the_twin(magnesium, plane, axis, lattice, place, shifts, known):
    reference = bulk_reference(magnesium, "hcp", "Mg", MG.parameters)
    h, k, _, last = plane
    periodic = RelaxationSpec(cell="normal", translation="free", fmax=0.005)
    energies = []
    for shift in shifts:
        found = boundary_energy(magnesium, reflected((h, k, last), *lattice, 12, shift), periodic, reference)
        assert found.values[0] == pytest.approx(found.values[1], abs=2e-3)
        energies.append(1000 * found.value)

    spec = GrainBoundarySpaceSpec.model_validate(
        {
            "type": "grain_boundary",
            "crystal": {"structure": "hcp", "element": "Mg", "lattice_parameter": MG.parameters},
            "axis": axis,
            "boundaries": {"planes": [plane]},
            "cell": {"boundaries": 1, "relaxed": 20, "reach": 7.5, "polish": []},
            "translation": {"normal": [0.3], "in_plane": [place[0]], "along_axis": [place[1]]},
            "fold": False,
        }
    )
    space = open_space(spec, Path())
    start = space.structure(next(str(name) for name in space.pool().ids if "-r0-" in str(name)))
    blocks = RelaxationSpec(cell="fixed", translation="free", fmax=0.005)
    found = boundary_energy(magnesium, start, blocks, reference)
    checked = check_grains(start, found.result, crystal_stiffness(magnesium, MG), judge_strain=True)
    assert checked["checked"]
    assert 1000 * found.value == pytest.approx(min(energies), abs=1.0)
    assert 1000 * found.value == pytest.approx(known, abs=1.0)
    # Atoms of the blocks have the bulk's energy on both sides.
    excess = found.result.energies[start.arrays["region"] == WITNESS] - reference.energy_per_atom
    assert np.abs(excess).max() < 1e-5


def test_the_stress_of_a_twin_is_what_straining_it_costs(magnesium, tmp_path):
    """By whole relaxations of strained cells with grains of two thicknesses, whose difference leaves the crystal out."""
    twin = ((1, 0, 2), (2, 1, -1), (0, 1, 0))
    normal = RelaxationSpec(cell="normal", translation="free", fmax=1e-4)

    def excess(strain):
        """Energy [eV] and volume [Å^3] of one boundary beyond those of the crystal."""
        numbers = []
        for layers in (14, 28):
            atoms = reflected(twin[0], *twin[1:], layers, (0.25, 0.5))
            atoms.set_cell(atoms.cell.array @ np.diag([1.0 + strain[0], 1.0 + strain[1], 1.0]), scale_atoms=True)
            found = magnesium.evaluate(atoms, normal)
            numbers.append(np.array([found.energy, found.atoms.get_volume(), len(atoms)]))
        assert numbers[1][2] == 2 * numbers[0][2]
        return numbers[0][:2] - 0.5 * numbers[1][:2]  # two boundaries each

    atoms = reflected(twin[0], *twin[1:], 14, (0.25, 0.5))
    area = float(np.prod(atoms.cell.lengths()[:2]))
    step = 2e-3
    differences = [excess(step * direction)[0] - excess(-step * direction)[0] for direction in np.eye(2)]
    stresses = [difference / (2.0 * step * area) * EV_PER_A2 for difference in differences]
    document = {
        "campaign": "test",
        "candidate": "hcp-1_0_m1_2-r0-x324-y000-z030",
        "space": {
            "type": "grain_boundary",
            "crystal": {
                "structure": "hcp",
                "element": "Mg",
                "lattice_parameter": MG.parameters,
                "own_lattice_parameter": MG.parameters,
            },
            "axis": [1, -2, 1, 0],
            "boundaries": {"planes": [[1, 0, -1, 2]]},
            "translation": {"normal": [0.3], "in_plane": [3.24], "along_axis": [0.0]},
            "cell": {"boundaries": 1, "relaxed": 20, "reach": 7.5, "polish": []},
            "fold": False,
        },
        "calculator": {"type": "lammps", "potential": "Mg_mm.eam.fs"},
        "relaxation": {"cell": "fixed", "translation": "free", "fmax": 1e-4},
        "base_path": str(Path()),
    }
    found = evaluate(JobDocument.model_validate(document), tmp_path).quantities
    assert found["excess_volume"].value == pytest.approx(excess((0.0, 0.0))[1] / area, abs=0.01)
    assert [found[f"boundary_stress_{component}"].value for component in ("xx", "yy")] == pytest.approx(stresses, abs=0.03)
