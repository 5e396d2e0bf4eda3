"""Translations on the torus of the planar lattice."""

import numpy as np
import pytest

from tansaku.calculators.structures.coincidence import boundary_on, tilt_axis
from tansaku.calculators.structures.crystal import CubicCrystal
from tansaku.calculators.structures.stacking import stacking_of
from tansaku.spaces.boundary_density.space import on_circle, on_torus


@pytest.mark.parametrize(("axis", "plane"), [((0, 0, 1), (2, 1, 0)), ((1, 1, 0), (1, 1, 3)), ((1, 1, 1), (2, -1, -1))])
def test_translations_by_a_lattice_vector_are_one_point(axis, plane):
    stack = stacking_of(CubicCrystal("fcc", "Cu", 3.6), boundary_on(tilt_axis(axis), plane))
    width, depth = stack.irreducible_lengths
    shifts = np.array([[0.3, 0.2], [1.1, 0.9]])
    for vector in ([width, stack.planar[1] * stack.y_unit], [0.0, depth]):
        np.testing.assert_allclose(on_torus(stack, shifts + vector), on_torus(stack, shifts), atol=1e-8)
    short = on_torus(stack, np.array([[0.5, 0.5], [0.5, 0.51]]))
    assert np.linalg.norm(short[1] - short[0]) == pytest.approx(0.01, rel=1e-3)


def test_a_full_plane_is_no_plane():
    assert on_circle(0.0) == pytest.approx(on_circle(1.0))
    assert np.linalg.norm(np.subtract(on_circle(0.01), on_circle(0.99))) == pytest.approx(0.02, rel=1e-2)
