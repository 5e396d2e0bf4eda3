"""Curves with cusps are found again from their own points, and are not read into others."""

import numpy as np
import pytest

from tansaku.calculators.structures.coincidence import tilt_axis
from tansaku.tasks.read.figures.read_shockley import Arch, CuspFit, cusp_fit

ARCHES = (
    Arch((0.0, 0.0), (50.0, 150.0), (30.0, 400.0)),
    Arch((50.0, 150.0), (110.0, 80.0), (80.0, 420.0)),
    Arch((110.0, 80.0), (180.0, 0.0), (145.0, 480.0)),
)
ANGLES = np.array([12.0, 20, 27, 35, 44, 50, 58, 65, 74, 83, 92, 101, 110, 118, 126, 135, 144, 153, 160, 168])


def test_a_curve_is_found_again_with_its_cusps_and_heights():
    energy = CuspFit(ARCHES, (), 0.0).at(ANGLES)
    found = cusp_fit(ANGLES, energy, 180.0)
    assert [float(ANGLES[place]) for place in found.cusps] == [50.0, 110.0]
    assert [arch.peak[0] for arch in found.arches] == pytest.approx([30.0, 80.0, 145.0], abs=1.0)
    assert [arch.peak[1] for arch in found.arches] == pytest.approx([400.0, 420.0, 480.0], abs=3.0)
    np.testing.assert_allclose(found.at(ANGLES), energy, atol=4.0)
    assert found.deviation < 2.0


def test_an_arch_has_the_energies_of_its_cusps_and_the_form_of_read_and_shockley():
    arch = ARCHES[1]
    assert arch.at(np.array([50.0, 80.0, 110.0])) == pytest.approx([150.0, 420.0, 80.0])
    s = np.sin(np.pi / 2 * 10 / 30)
    assert arch.at(np.array([60.0, 100.0])) == pytest.approx(
        [low + (420 - low) * (s - 0.5 * s * np.log(s)) for low in (150.0, 80.0)]
    )


def test_small_dips_are_no_cusps():
    smooth = Arch((0.0, 0.0), (180.0, 0.0), (90.0, 500.0)).at(ANGLES)
    noisy = smooth + np.random.default_rng(0).normal(0.0, 5.0, len(ANGLES))
    found = cusp_fit(ANGLES, noisy, 180.0)
    assert found.cusps == ()
    assert found.deviation < 10.0


def test_energies_that_follow_no_such_curve_few_and_equal_angles_have_no_fit():
    assert cusp_fit(ANGLES[:6], np.array([1140.0, 1100, 260, 1300, 1010, 1280]), 180.0) is None
    assert cusp_fit(ANGLES[:3], np.array([100.0, 200, 300]), 180.0) is None
    assert cusp_fit(np.array([10.0, 20, 20, 30]), np.array([100.0, 200, 210, 300]), 180.0) is None


@pytest.mark.parametrize("cusp", [True, False])
def test_a_symmetric_curve_is_fitted_in_its_half(cusp):
    """About [1 1 1], 60° is the middle, and 120° is the crystal again."""
    middle = (60.0, 90.0)
    arches = (
        (Arch((0.0, 0.0), middle, (25.0, 300.0)), Arch(middle, (120.0, 0.0), (95.0, 300.0)))
        if cusp
        else (Arch((0.0, 0.0), (120.0, 0.0), (60.0, 300.0)),)
    )
    angle = np.array([8.0, 13, 18, 22, 27, 32, 38, 43, 47, 52, 60])
    energy = CuspFit(arches, (), 0.0).at(angle)
    found = cusp_fit(angle, energy, 120.0, symmetric=True)
    assert found.cusps == ((10,) if cusp else ())
    assert found.deviation < 2.0
    assert found.arches[0].peak == pytest.approx((25.0, 300.0) if cusp else (60.0, 300.0), abs=2.0)


@pytest.mark.parametrize(
    ("axis", "period", "symmetric"),
    [((0, 0, 1), 90, False), ((1, 1, 0), 180, False), ((1, 1, 1), 120, True), ((1, 1, 2), 360, True), ((2, 1, 0), 360, True)],
)
def test_the_next_misorientation_of_one_crystal_follows_from_the_mirror_planes_of_the_axis(axis, period, symmetric):
    known = tilt_axis(axis)
    assert known.period == pytest.approx(period)
    assert known.symmetric is symmetric
