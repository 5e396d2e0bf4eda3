"""Deformation gradients of atoms and of the middles of grains."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from tansaku.calculators.structures.bicrystal import bicrystal_of
from tansaku.calculators.structures.coincidence import boundary_on, tilt_axis
from tansaku.calculators.structures.crystal import CubicCrystal
from tansaku.calculators.structures.grain_orientation import (
    deformation_gradients,
    grain_axes,
    grain_cores,
    neighbour_vectors,
    rotation_and_strain,
)
from tansaku.calculators.structures.uniaxial import UniaxialCrystal

CRYSTALS = {
    "fcc": CubicCrystal("fcc", "Al", 4.05),
    "bcc": CubicCrystal("bcc", "Fe", 2.86),
    "diamond": CubicCrystal("diamond", "Si", 5.43),
}
AXIAL = [
    (UniaxialCrystal("bct", "In", 3.25, 4.95), 12),  # nearly fcc
    (UniaxialCrystal("bct", "Fe", 2.86, 2.9), 14),  # nearly bcc
    (UniaxialCrystal("rhombohedral", "Al", 2.87, 2.87 * 2.4), 12),  # nearly fcc
]
REACH = {"fcc": 0.853, "bcc": 1.207, "diamond": 0.768}
components = st.tuples(*[st.floats(-1, 1)] * 3).filter(lambda v: np.linalg.norm(v) > 0.1)


def gradients_of(crystal, gradient, noise=0.0, seed=0):
    """Deformation gradients of the atoms of a crystal that was deformed as a whole and then shaken."""
    atoms = crystal.unit_cell() * (2, 2, 2)
    atoms.set_cell(atoms.cell.array @ gradient.T, scale_atoms=True)
    atoms.positions += noise * np.random.default_rng(seed).standard_normal(atoms.positions.shape)
    vectors, coordination = neighbour_vectors(crystal)
    cutoff = REACH[crystal.structure] * crystal.lattice_parameter
    return deformation_gradients(atoms, np.arange(len(atoms)), vectors, coordination, cutoff)


@pytest.mark.parametrize(("structure", "coordination", "kinds"), [("fcc", 12, 12), ("bcc", 14, 14), ("diamond", 16, 20)])
def test_the_near_neighbours_of_a_crystal(structure, coordination, kinds):
    vectors, number = neighbour_vectors(CRYSTALS[structure])
    assert (number, len(vectors)) == (coordination, kinds)
    assert np.linalg.norm(vectors, axis=1).min() == pytest.approx(CRYSTALS[structure].neighbour_distance)


@pytest.mark.parametrize(("crystal", "coordination"), AXIAL)
def test_the_near_neighbours_of_a_tetragonal_or_rhombohedral_crystal(crystal, coordination):
    vectors, number = neighbour_vectors(crystal)
    assert (number, len(vectors)) == (coordination, coordination)
    assert np.linalg.norm(vectors, axis=1).min() == pytest.approx(crystal.neighbour_distance)


@settings(max_examples=60, deadline=None)
@given(
    structure=st.sampled_from(sorted(CRYSTALS)),
    axis=components,
    angle=st.floats(0, 20),
    stretch=st.tuples(*[st.floats(-0.02, 0.02)] * 6),
)
def test_a_crystal_s_rotation_and_strain_are_found_exactly(structure, axis, angle, stretch):
    xx, yy, zz, yz, xz, xy = stretch
    strain = np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])
    turn = Rotation.from_rotvec(np.radians(angle) * np.array(axis) / np.linalg.norm(axis)).as_matrix()
    gradient = turn @ (np.eye(3) + strain)
    found, of = gradients_of(CRYSTALS[structure], gradient)
    assert len(of) == len(CRYSTALS[structure].unit_cell()) * 8
    np.testing.assert_allclose(found, np.broadcast_to(gradient, found.shape), atol=1e-9)
    rotation, largest = rotation_and_strain(found.mean(axis=0))
    assert rotation == pytest.approx(angle, abs=1e-6)
    assert largest == pytest.approx(np.abs(np.linalg.eigvalsh(strain)).max(), abs=1e-9)


@pytest.mark.parametrize("structure", CRYSTALS)
def test_noise_of_the_positions_averages_out(structure):
    turn = Rotation.from_rotvec(np.radians(2.0) * np.array([0.6, 0.0, 0.8])).as_matrix()
    found, of = gradients_of(CRYSTALS[structure], turn, noise=0.05, seed=3)
    assert len(of) == len(found) >= 16
    rotation, strain = rotation_and_strain(found.mean(axis=0))
    assert rotation == pytest.approx(2.0, abs=0.4)
    assert strain < 0.01


def test_what_is_no_crystal_is_not_fitted():
    _, of = gradients_of(CRYSTALS["fcc"], np.eye(3), noise=1.0)
    assert len(of) == 0


def test_a_crystal_turned_too_far_is_not_taken_for_the_first_one():
    turn = Rotation.from_rotvec(np.radians(40.0) * np.array([1.0, 1.0, 0.0]) / np.sqrt(2)).as_matrix()
    _, of = gradients_of(CRYSTALS["fcc"], turn)
    assert len(of) == 0


@pytest.mark.parametrize(
    ("structure", "axis", "plane"),
    [
        ("fcc", (1, 1, 0), (3, 3, 8)),
        ("fcc", (0, 0, 1), (2, 1, 0)),
        ("bcc", (1, 1, 0), (1, 1, 2)),
        ("diamond", (1, 1, 0), (2, 2, 1)),
    ],
)
def test_both_grains_of_a_cell_are_followed_in_the_axes_of_their_crystal(structure, axis, plane):
    crystal = CRYSTALS[structure]
    boundary = boundary_on(tilt_axis(axis), plane)
    atoms = bicrystal_of(crystal, boundary, 16.0).cell(0, (0.3, 0.1, 0.4))
    axes = grain_axes(crystal, boundary.axis, boundary.plane)
    energies = np.arange(len(atoms), dtype=float)
    for core in grain_cores(atoms, crystal, np.array([axes, axes * np.array([[1], [1], [-1]])]), energies):
        assert core.atoms == core.fitted > 4
        np.testing.assert_allclose(core.gradient, np.eye(3), atol=1e-9)
        assert core.energy is not None
    # A stretch along the normal is one along the plane's normal in both crystals' axes.
    atoms.set_cell(atoms.cell.array * [1.0, 1.0, 1.01], scale_atoms=True)
    normal = np.array(boundary.plane) / np.linalg.norm(boundary.plane)
    for core in grain_cores(atoms, crystal, np.array([axes, axes * np.array([[1], [1], [-1]])])):
        np.testing.assert_allclose(core.gradient @ normal, 1.01 * normal, atol=1e-9)
        assert core.energy is None


def test_a_thin_grain_has_no_middle():
    crystal, boundary = CRYSTALS["fcc"], boundary_on(tilt_axis((1, 1, 0)), (1, 1, 1))
    atoms = bicrystal_of(crystal, boundary, 8.0).build(0)
    for core in grain_cores(
        atoms,
        crystal,
        np.array(
            [
                grain_axes(crystal, boundary.axis, boundary.plane),
                grain_axes(crystal, boundary.axis, boundary.plane) * np.array([[1], [1], [-1]]),
            ]
        ),
    ):
        assert (core.atoms, core.fitted, core.gradient, core.energy) == (0, 0, None, None)
