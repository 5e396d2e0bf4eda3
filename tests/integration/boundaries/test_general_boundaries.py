"""Boundaries in any plane against cells that pymatgen builds, relaxed by the same calculator; folding by relaxed energies."""

import itertools
import math
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms

from tansaku.calculators.calculator_registry import open_calculator
from tansaku.calculators.structures.axial_boundary import axial_boundary
from tansaku.calculators.structures.crystal import CubicCrystal
from tansaku.calculators.structures.general_boundary import general_boundary
from tansaku.calculators.structures.grain_orientation import ORIENTATIONS
from tansaku.calculators.structures.hexagonal import HexagonalCrystal
from tansaku.calculators.structures.rigid_blocks import BlockCell, ReplicatedBlocks
from tansaku.calculators.structures.stacking import translation_keys
from tansaku.calculators.structures.uniaxial import UniaxialCrystal
from tansaku.calculators.workflows.boundary_energy import EV_PER_A2, boundary_energy, bulk_reference
from tansaku.calculators.workflows.grain_check import check_grains
from tansaku.models.domain.specs.calculators.lammps import LammpsSpec
from tansaku.models.domain.specs.grain_boundary import GeneralBoundarySpec
from tansaku.models.domain.specs.relaxation import RelaxationSpec

pytestmark = [pytest.mark.needs("lammps"), pytest.mark.needs("pymatgen")]

CU, FE = CubicCrystal("fcc", "Cu", 3.615), CubicCrystal("bcc", "Fe", 2.8553)
FCT = UniaxialCrystal("bct", "Cu", 3.615 / math.sqrt(2), 3.615)
RHOMBOHEDRAL = UniaxialCrystal("rhombohedral", "Cu", 3.615 / math.sqrt(2), 3.615 * math.sqrt(3))
MG = HexagonalCrystal("Mg", 3.1842, 5.1844)
POTENTIALS = {"Cu": "Cu_mishin1.eam.alloy", "Fe": "Fe_mm.eam.fs", "Mg": "Mg_mm.eam.fs"}
RELAXED = RelaxationSpec(translation="free", fmax=0.01)
HALF = 22.0
"""Thickness of pymatgen's grains [Å], at least; their outer planes are free surfaces."""
COUNTED = 15.0
"""Atoms nearer than this to the boundary count [Å]."""


def opened(crystal):
    """Calculator and bulk reference of a crystal."""
    calculator = open_calculator(LammpsSpec(potential=POTENTIALS[crystal.element]), Path())
    parameters = crystal.lattice_parameter if isinstance(crystal, CubicCrystal) else crystal.parameters
    return calculator, bulk_reference(calculator, crystal.structure, crystal.element, parameters)


def grid(counts, vectors):
    """Evenly spaced shifts over a parallelogram [Å]."""
    return [np.array([i, j]) / counts @ vectors for i, j in itertools.product(*map(range, counts))]


def free_slabs(generator, turn, plane, shift, ratio):
    """Two grains of pymatgen's generator with empty space outside, and the height of the boundary [Å]."""
    keys = {"rotation_axis": turn[0], "rotation_angle": turn[1], "plane": plane, "normal": True}
    one = generator.gb_from_parameters(**keys, expand_times=1, rm_ratio=0.0)
    first = one.lattice.matrix[0] / one.lattice.a
    normal = np.cross(*one.lattice.matrix[:2]) / one.lattice.volume * one.lattice.c
    frame = np.array([first, np.cross(normal, first), normal])
    turned = one.lattice.matrix @ frame.T
    found = generator.gb_from_parameters(
        **keys,
        expand_times=math.ceil(2.0 * HALF / one.lattice.c),
        ab_shift=tuple(shift @ np.linalg.inv(turned[:2, :2])),
        rm_ratio=ratio,
    )
    cell = found.lattice.matrix @ frame.T
    positions = (found.frac_coords % 1.0) @ cell
    height = cell[2, 2]
    positions[positions[:, 2] > height - 1e-3, 2] -= height
    cell[2] = [0.0, 0.0, height + 20.0]
    symbols = [site.specie.symbol for site in found]
    return Atoms(symbols, positions=positions + np.array([0.0, 0.0, 10.0]), cell=cell, pbc=True), 10.0 + height / 2.0


def their_energy(crystal, spec, boundary, vectors, counts, ratio):
    """Lowest energy of pymatgen's cells [mJ/m^2]."""
    from pymatgen.core import Lattice, Structure
    from pymatgen.core.interface import GrainBoundaryGenerator

    sites = {"fcc": [[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]], "bcc": [[0, 0, 0], [0.5, 0.5, 0.5]]}
    basis = sites[crystal.structure]
    unit = Structure(Lattice.cubic(crystal.lattice_parameter), [crystal.element] * len(basis), basis)
    generator = GrainBoundaryGenerator(unit)
    calculator, bulk = opened(crystal)
    energies = []
    for shift in grid(counts, vectors):
        atoms, middle = free_slabs(generator, (spec["axis"], boundary.angle), spec["plane"], shift, ratio)
        result = calculator.evaluate(atoms, RELAXED)
        near = np.abs(result.atoms.positions[:, 2] - middle) < COUNTED
        area = atoms.get_volume() / atoms.cell[2, 2]
        energies.append(1e3 * EV_PER_A2 * (result.energies[near] - bulk.energy_per_atom).sum() / area)
    calculator.close()
    return min(energies)


def our_energy(crystal, cell, counts, removed):
    """Lowest energy of our cells [mJ/m^2]; the atoms of the upper grain that are closest to the lower one are removed."""
    calculator, bulk = opened(crystal)
    wide = ReplicatedBlocks(cell, (1, 1), 1.3)
    energies = []
    for x, y in grid(counts, cell.stacking.translations):
        shift = (x, y, 0.3)
        closest = wide.overlaps(shift)[1][:removed].tolist()
        energies.append(1e3 * boundary_energy(calculator, wide.build(closest, shift), RELAXED, bulk).value)
    calculator.close()
    return min(energies)


# Crystal, axis, Σ, plane; kind; shifts of our cells and of theirs; atoms that are removed, and pymatgen's ratio of the same;
# energy [mJ/m^2]. Few shifts reach the lowest structure of Fe (1 0 0) / (4 -3 0), one random one in six: 4 x 2 end at 1232.9.
BOUNDARIES = [
    (CU, (1, 1, 1), 3, (1, 1, 1), "twist", ((3, 3), (3, 3)), 0, 0.7, 22.2),
    (CU, (0, 0, 1), 5, (0, 0, 1), "twist", ((2, 2), (2, 2)), 0, 0.7, 731.4),
    (CU, (0, 0, 1), 5, (1, 0, 0), "tilt", ((2, 2), (2, 2)), 0, 0.7, 966.8),
    (CU, (0, 0, 1), 5, (1, 1, 0), "tilt", ((6, 1), (6, 1)), 0, 0.7, 984.6),
    (CU, (1, 1, 0), 3, (0, 0, 1), "tilt", ((2, 3), (2, 3)), 0, 0.7, 577.3),
    (CU, (1, 1, 0), 3, (5, -5, -2), "tilt", ((4, 2), (4, 2)), 0, 0.7, 281.4),
    (CU, (1, 1, 0), 3, (1, -1, 2), "tilt", ((2, 3), (2, 3)), 0, 0.7, 592.5),
    (CU, (0, 0, 1), 5, (1, 1, 1), "mixed", ((2, 2), (2, 2)), 0, 0.7, 793.3),
    (FE, (1, 1, 0), 3, (1, 1, 0), "twist", ((2, 2), (2, 2)), 0, 0.7, 308.7),
    (FE, (1, 1, 0), 3, (2, 1, -2), "mixed", ((2, 2), (2, 2)), 0, 0.7, 821.8),
    (FE, (0, 0, 1), 5, (1, 0, 1), "mixed", ((2, 2), (2, 2)), 0, 0.7, 1191.2),
    (FE, (0, 0, 1), 5, (1, 2, 1), "mixed", ((3, 2), (3, 2)), 3, 0.7, 1119.2),
    (FE, (0, 0, 1), 5, (1, 0, 0), "tilt", ((6, 1), (1, 8)), 0, 0.85, 1149.3),
]


@pytest.mark.parametrize(("crystal", "axis", "sigma", "plane", "kind", "counts", "removed", "ratio", "known"), BOUNDARIES)
def test_the_energy_is_that_of_cells_of_another_builder(crystal, axis, sigma, plane, kind, counts, removed, ratio, known):
    spec = {"axis": axis, "sigma": sigma, "plane": plane}
    boundary = general_boundary(GeneralBoundarySpec.model_validate(spec))
    assert boundary.kind == kind
    cell = BlockCell(crystal, boundary, 15.0, 6.0)
    ours = our_energy(crystal, cell, counts[0], removed)
    theirs = their_energy(crystal, spec, boundary, cell.stacking.translations, counts[1], ratio)
    assert [ours, theirs] == pytest.approx([known, known], abs=0.8)


@pytest.mark.parametrize(
    ("crystal", "axis", "sigma", "plane", "operations"),
    [
        (CU, (1, 1, 1), 7, (1, 1, 1), 6),
        (CU, (0, 0, 1), 5, (0, 0, 1), 8),
        (CU, (0, 0, 1), 5, (1, 0, 0), 2),
        (CU, (1, 1, 0), 3, (1, -1, 2), 4),
        (FE, (1, 1, 0), 3, (1, 1, 0), 4),
        (FE, (0, 0, 1), 5, (1, 2, 1), 2),
    ],
)
def test_translations_that_are_folded_onto_each_other_have_one_energy(crystal, axis, sigma, plane, operations):
    """And a translation that is not has another."""
    boundary = general_boundary(GeneralBoundarySpec(axis=axis, sigma=sigma, plane=plane))
    cell = BlockCell(crystal, boundary, 8.0, 6.0)
    stack = cell.stacking
    found = stack.offset_operations(0)
    first, second = np.array([[0.13, 0.31], [0.41, 0.22]]) @ stack.translations
    shifts = np.array([*(matrix @ first for matrix in found), first + stack.translations[1], second])
    keys = translation_keys(stack, 0, shifts)
    assert len(found) == operations
    assert (keys[:-1] == keys[0]).all()
    assert keys[-1] != keys[0]
    calculator, bulk = opened(crystal)
    energies = [1e3 * boundary_energy(calculator, cell.build(0, (*shift, 0.3)), RELAXED, bulk).value for shift in shifts]
    calculator.close()
    assert energies[:-1] == pytest.approx([energies[0]] * (len(energies) - 1), abs=1e-6)
    assert abs(energies[-1] - energies[0]) > 0.01


def test_a_boundary_wider_than_a_slab_is_an_upper_bound():
    """Half of a thin slab's middle is faulted; with thicker slabs the middle is the crystal, and the energy hardly changes."""
    boundary = general_boundary(GeneralBoundarySpec(axis=(1, 1, 0), sigma=3, plane=(5, -5, 7)))
    calculator, bulk = opened(CU)
    found = []
    for relaxed in (14.0, 20.0):
        wide = ReplicatedBlocks(BlockCell(CU, boundary, relaxed, 5.6), (1, 1), 1.3)
        shift = (2.395, 0.168, 0.3)
        start = wide.build(wide.overlaps(shift)[1][:2].tolist(), shift)
        frames = wide.block.stacking.frames.ravel().tolist()
        start.info |= {"structure": "fcc", "element": "Cu", "lattice_parameter": 3.615, ORIENTATIONS: frames}
        energy = boundary_energy(calculator, start, RELAXED.model_copy(update={"fmax": 0.005}), bulk)
        found.append((1e3 * energy.value, check_grains(start, energy.result, None, judge_strain=True)))
    calculator.close()
    (thin, unchecked), (thick, checked) = found
    assert not unchecked["checked"]
    assert unchecked["reason"].startswith("the energy is an upper bound")
    assert checked["checked"]
    assert thick == pytest.approx(586.2, abs=0.5)
    assert thick < thin < thick + 3.0


def lowest(crystal, boundary, counts, reach=6.0):
    """Lowest energy of a boundary over its terminations and a grid of translations [mJ/m^2]."""
    calculator, bulk = opened(crystal)
    cell = BlockCell(crystal, boundary, 14.0, reach)
    shifts = [shift + 0.05 * cell.stacking.translations[0] for shift in grid(counts, cell.stacking.translations)]
    pairs = itertools.product(cell.stacking.half_planes, shifts)
    starts = [cell.build(number, (*shift, 0.3)) for number, shift in pairs]
    found = [1e3 * boundary_energy(calculator, start, RELAXED, bulk).value for start in starts]
    calculator.close()
    return min(found)


@pytest.mark.parametrize(
    ("other", "cubic", "axial"),
    [
        (FCT, ((0, 0, 1), 5, (1, 0, 0)), ((0, 0, 1), 5, (1, 1, 0))),
        (RHOMBOHEDRAL, ((1, 1, 1), 7, (1, 1, 1)), ((0, 0, 0, 1), 7, (0, 0, 0, 1))),
    ],
)
def test_copper_as_a_tetragonal_and_as_a_rhombohedral_crystal_has_the_same_energies(other, cubic, axial):
    keys = ("axis", "sigma", "plane")
    first = general_boundary(GeneralBoundarySpec(**dict(zip(keys, cubic, strict=True))))
    second = axial_boundary(other, GeneralBoundarySpec(**dict(zip(keys, axial, strict=True))), "key")
    assert lowest(other, second, (2, 2)) == pytest.approx(lowest(CU, first, (2, 2)), abs=1e-3)


# Energies of the builder of symmetric tilts; 316.2 has a plane of atoms less, and slabs of 14 Å raise both by 0.5 to 1.
TILTS = [
    ({"axis": (0, 0, 0, 1), "sigma": 7, "plane": (1, 2, -3, 0)}, (4, 2), 316.9),
    ({"axis": (1, -2, 1, 0), "sigma": 17, "plane": (-1, 0, 1, 2), "ratio": (8, 3), "max_strain": 0.01}, (2, 4), 114.7),
    ({"planes": ((1, 0, -1, 2), (1, 0, -1, -2)), "directions": ((1, -2, 1, 0), (1, -2, 1, 0))}, (2, 4), 114.7),
]


@pytest.mark.parametrize(("keys", "counts", "known"), TILTS)
def test_magnesium_has_the_energies_of_its_symmetric_tilts(keys, counts, known):
    assert lowest(MG, axial_boundary(MG, GeneralBoundarySpec(**keys), "key"), counts, 7.5) == pytest.approx(known, abs=0.4)


def test_the_strain_of_the_upper_crystal_is_no_part_of_the_energy():
    """Only what a strained slab gains along the normal is: 0.2 mJ/m^2 for each Å at a strain of 1 %, at most."""
    pair = GeneralBoundarySpec(planes=((1, 0, 0), (1, 1, 0)), directions=((0, 0, 1), (0, 0, 1)), max_strain=0.02)
    calculator, bulk = opened(CU)
    found = []
    for relaxed in (8.0, 20.0):
        cell = BlockCell(CU, general_boundary(pair), relaxed, 6.0)
        shift = np.array([0.4, 0.3]) @ cell.stacking.translations
        start = cell.build(0, (*shift, 0.3))
        start.info["strain"] = cell.stacking.strain
        found.append(1e3 * boundary_energy(calculator, start, RELAXED, bulk).value)
    calculator.close()
    assert cell.stacking.strain == pytest.approx(0.0102, abs=1e-4)
    assert found[0] == pytest.approx(1011.8, abs=0.5)
    assert found[0] - 3.0 < found[1] < found[0]
