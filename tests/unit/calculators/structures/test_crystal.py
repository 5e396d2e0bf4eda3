import math

import numpy as np
import pytest
from ase.build import bulk
from ase.neighborlist import neighbor_list
from hypothesis import given
from hypothesis import strategies as st

from tansaku.calculators.structures.crystal import CubicCrystal, combine, cross, cubic_operations, dot, reduced, unimodular

NUMBERS = st.integers(-60, 60)
VECTORS = st.tuples(NUMBERS, NUMBERS, NUMBERS)


@given(VECTORS.filter(any))
def test_unimodular_solves_the_equation_and_spans_all_integers(weights):
    divisor, rows = unimodular(weights)
    assert divisor == math.gcd(*weights)
    assert [dot(weights, row) for row in rows] == [0, 0, divisor]
    assert abs(round(np.linalg.det(np.array(rows, dtype=float)))) == 1


@given(VECTORS, VECTORS)
def test_cross_product_is_perpendicular(a, b):
    assert dot(a, cross(a, b)) == dot(b, cross(a, b)) == 0


def test_reduced_and_combine():
    assert reduced((4, -6, 2)) == (2, -3, 1)
    assert combine((1, 2, -1), ((1, 0, 0), (0, 1, 0), (1, 1, 1))) == (0, 1, -1)


def test_the_cube_has_48_operations_and_a_diamond_bond_12():
    assert len(set(cubic_operations())) == 48
    assert len(CubicCrystal("fcc", "Al", 4.0).site_symmetry) == 48
    assert len(CubicCrystal("diamond", "Si", 5.43).site_symmetry) == 12


@pytest.mark.parametrize("structure", ["fcc", "bcc", "diamond"])
def test_the_cubic_cell_is_that_of_ase_with_the_moments_of_the_own_crystal(structure):
    for element in ("Al", "Fe", "Ni", "Si", "Mn"):
        cell, known = CubicCrystal(structure, element, 4.05).unit_cell(), bulk(element, structure, a=4.05, cubic=True)
        assert cell.todict().keys() == known.todict().keys()
        for key, array in known.todict().items():
            np.testing.assert_array_equal(cell.todict()[key], array)


def test_neighbour_distance_and_density_are_those_of_the_crystal():
    for structure, neighbours in (("fcc", 12), ("bcc", 8), ("diamond", 4)):
        crystal = CubicCrystal(structure, "Si", 5.0)
        cell = crystal.unit_cell()
        nearest = neighbor_list("d", cell, crystal.neighbour_distance + 1e-6)
        np.testing.assert_allclose(nearest, crystal.neighbour_distance)
        assert len(nearest) == neighbours * len(cell)
        assert crystal.atoms_per_volume == pytest.approx(len(cell) / cell.get_volume())
