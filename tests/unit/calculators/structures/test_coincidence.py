import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tansaku.calculators.structures.coincidence import (
    boundaries_up_to,
    boundary_on,
    coincidence_sigma,
    plane_name,
    tilt_axis,
)
from tansaku.calculators.structures.crystal import CubicCrystal, apply, cubic_operations, dot
from tansaku.models.domain.errors import ConfigurationError

PUBLISHED_ANGLES = [
    *(20, 22, 26, 31, 34, 38, 44, 45, 50, 55, 58, 61, 62, 70, 77, 80, 82, 86, 89),
    *(90, 93, 97, 99, 102, 109, 117, 118, 121, 124, 129, 134, 135, 141, 145, 148, 153, 157, 159),
]  # fmt: skip


def sigma_by_denominators(structure, plane):
    """Grimmer's definition: the coincidence lattice of A and RA has index Σ in A, the index of a rational matrix."""
    basis = np.array(CubicCrystal(structure, "Al", 4.0).primitive, dtype=object)
    normal = np.array(plane, dtype=object)
    square = int(normal @ normal)
    # Half turn about the normal, the mirror up to an inversion; in the primitive basis it is a matrix of fractions.
    turn = np.array(
        [[Fraction(2 * int(a) * int(b), square) - (i == j) for j, b in enumerate(normal)] for i, a in enumerate(normal)]
    )
    columns = basis.T
    determinant = round(float(np.linalg.det(columns.astype(float))))
    adjugate = np.round(np.linalg.inv(columns.astype(float)) * determinant).astype(int).astype(object)
    matrix = adjugate @ turn @ columns / Fraction(determinant)
    return math.lcm(*(entry.denominator for entry in matrix.ravel()))


def test_the_38_boundaries_of_the_test_bed():
    found = [b for b in boundaries_up_to(tilt_axis((1, 1, 0)), 99) if 20 <= b.angle <= 160]
    assert [int(boundary.angle) for boundary in found] == PUBLISHED_ANGLES
    for boundary in found:
        h, k, l = boundary.plane  # noqa: E741 - Miller indices
        assert h == k > 0 < l
        assert boundary.angle == pytest.approx(math.degrees(2 * math.atan(math.sqrt(2) * h / l)), abs=1e-12)
        assert boundary.axis == (1, -1, 0)


@pytest.mark.parametrize(
    ("axis", "plane", "sigma", "angle"),
    [
        ((1, 1, 0), (1, 1, 2), 3, 70.5288),
        ((1, 1, 0), (1, 1, 1), 3, 109.4712),
        ((1, 1, 0), (1, 1, 3), 11, 50.4788),
        ((1, 1, 0), (3, 3, 2), 11, 129.5212),
        ((1, 1, 0), (1, 1, 4), 9, 38.9424),
        ((1, 1, 0), (2, 2, 1), 9, 141.0576),
        ((0, 0, 1), (2, 1, 0), 5, 53.1301),
        ((0, 0, 1), (3, 1, 0), 5, 36.8699),
        ((1, 0, 0), (0, 1, 2), 5, 53.1301),
        ((1, 1, 1), (1, 2, -3), 7, 38.2132),
        ((1, 1, 1), (1, 1, -2), 3, 60.0),
        ((1, 1, 2), (1, 1, -1), 3, 180.0),
    ],
)
def test_known_boundaries(axis, plane, sigma, angle):
    boundary = boundary_on(tilt_axis(axis), plane)
    assert boundary.sigma == sigma
    assert boundary.angle == pytest.approx(angle, abs=1e-4)
    assert sorted(map(abs, boundary.plane)) == sorted(map(abs, plane))


def test_a_plane_and_its_supplement_are_boundaries_of_their_own():
    found = {boundary.plane: boundary for boundary in boundaries_up_to(tilt_axis((1, 1, 0)), 11)}
    assert {(1, 1, 1), (1, 1, 2), (1, 1, 3), (3, 3, 2), (1, 1, 4), (2, 2, 1)} == set(found)
    assert found[1, 1, 3].angle + found[3, 3, 2].angle == pytest.approx(180.0)
    assert found[1, 1, 3].folded_angle == pytest.approx(found[3, 3, 2].folded_angle)


def test_boundaries_that_a_symmetry_of_the_cube_exchanges_are_listed_once():
    found = [boundary.plane for boundary in boundaries_up_to(tilt_axis((0, 0, 1)), 5)]
    assert found == [(3, 1, 0), (2, 1, 0)]


@given(st.sampled_from(cubic_operations()), st.sampled_from([(0, 0, 1), (1, 1, 0), (1, 1, 1), (1, 1, 2), (0, 1, 3), (1, 2, 2)]))
def test_every_variant_of_an_axis_has_the_same_boundaries(operation, axis):
    assert boundaries_up_to(tilt_axis(apply(operation, axis)), 35) == boundaries_up_to(tilt_axis(axis), 35)


@given(
    st.sampled_from(cubic_operations()),
    st.sampled_from([((1, 1, 0), (1, -1, 3)), ((0, 0, 1), (3, 1, 0)), ((1, 1, 2), (3, -1, -1))]),
)
def test_axis_and_plane_turned_together_are_the_same_boundary(operation, pair):
    axis, plane = pair
    expected = boundary_on(tilt_axis(axis), plane)
    assert boundary_on(tilt_axis(apply(operation, axis)), apply(operation, plane)) == expected


@given(st.sampled_from(boundaries_up_to(tilt_axis((1, 1, 0)), 99) + boundaries_up_to(tilt_axis((0, 1, 3)), 45)))
def test_sigma_is_the_index_of_the_coincidence_lattice(boundary):
    for structure in ("fcc", "bcc"):
        assert sigma_by_denominators(structure, boundary.plane) == boundary.sigma


@given(st.sampled_from([(0, 0, 1), (1, 1, 0), (1, 1, 1), (1, 1, 2), (1, 2, 2)]), st.integers(3, 60))
def test_nothing_is_missed(axis, limit):
    """Counts orbits of planes found by brute force over a cube of indices."""
    tilt = tilt_axis(axis)
    reach = math.isqrt(2 * limit) + 1
    orbits = set()
    for h in range(-reach, reach + 1):
        for k in range(-reach, reach + 1):
            for l in range(-reach, reach + 1):  # noqa: E741 - Miller indices
                plane = (h, k, l)
                if math.gcd(*plane) == 1 and dot(plane, tilt.direction) == 0 and 1 < coincidence_sigma(plane) <= limit:
                    orbits.add(frozenset(apply(g, plane) for g in tilt.operations))
    merged = {frozenset(orbit | {tuple(-x for x in plane) for plane in orbit}) for orbit in orbits}
    assert len(boundaries_up_to(tilt, limit)) == len(merged)


@pytest.mark.parametrize(("plane", "name"), [((1, 1, 3), "113"), ((7, 7, 10), "7_7_10"), ((3, -1, 1), "3_m1_1")])
def test_plane_names(plane, name):
    assert plane_name(plane) == name


@pytest.mark.parametrize("axis", [(1, 2, 3), (2, 3, 5), (0, 0, 0), (1, 2)])
def test_axes_without_symmetric_tilt_boundaries_are_refused(axis):
    with pytest.raises(ConfigurationError, match=r"space\.axis"):
        tilt_axis(axis)


@pytest.mark.parametrize(
    ("plane", "message"),
    [
        ((1, 2, 3), "no plane of this family"),
        ((0, 0, 1), "mirror plane"),
        ((1, -1, 0), "mirror plane"),
        ((0, 0, 0), "not a direction"),
    ],
)
def test_planes_that_are_no_boundary_are_refused(plane, message):
    with pytest.raises(ConfigurationError, match=message):
        boundary_on(tilt_axis((1, 1, 0)), plane)


def test_a_family_with_several_members_in_the_zone_must_be_given_literally():
    axis = tilt_axis((1, 1, 2))
    with pytest.raises(ConfigurationError, match="2 different planes"):
        boundary_on(axis, (1, 3, 5))
    assert boundary_on(axis, (3, -5, 1)) != boundary_on(axis, (5, 1, -3))
