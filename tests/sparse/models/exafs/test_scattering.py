"""The wave of a shell, against what larch computes from the same Feff file, and interpolation between files."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tansaku.models.domain.errors import ConfigurationError
from tansaku.sparse.models.exafs.scattering import SQUARE_PER_ENERGY, scatterers_of
from tansaku.sparse.tasks.feff_file import read_feff

COPPER = Path(__file__).parents[4] / "examples/exafs-copper"
FIRST, FOURTH, LAST = (read_feff(COPPER / f"feff{number:04d}.dat") for number in (1, 4, 14))
K = np.array([4.0, 6.0, 10.0, 14.0])
# path2chi of xraylarch 2026.3.1, one atom: file, displacement from its distance, mean square displacement, shift of energy.
LARCH = [
    (FIRST, 0.0, 0.004, 0.0, [-5.162654e-03, 6.062450e-03, -1.108935e-04, -2.018442e-04]),
    (LAST, -0.1, 0.008, -4.0, [-1.720228e-05, -4.919856e-06, 2.821368e-05, 2.196635e-06]),
]


@pytest.mark.parametrize(("path", "moved", "variance", "shift", "expected"), LARCH)
def test_a_wave_is_that_of_larch(path, moved, variance, shift, expected):
    (scatterer,) = scatterers_of([path])
    found = scatterer.wave(K, shift).columns(np.array(path.distance + moved), np.array(variance))
    assert found == pytest.approx(expected, rel=0.02, abs=2e-8)


def test_the_square_of_a_wavenumber_per_energy():
    assert pytest.approx(0.262468, rel=1e-5) == SQUARE_PER_ENERGY


def test_files_are_interpolated_and_agree_with_each_at_its_distance():
    k = np.linspace(3.0, 17.0, 200)
    (whole,) = scatterers_of([LAST, FIRST, FOURTH])
    assert [path.distance for path in whole.paths] == sorted(path.distance for path in (FIRST, FOURTH, LAST))
    for path in (FIRST, FOURTH, LAST):
        (own,) = scatterers_of([path])
        at = np.array(path.distance), np.array(0.005)
        assert whole.wave(k, 1.0).columns(*at) == pytest.approx(own.wave(k, 1.0).columns(*at), rel=1e-6, abs=1e-12)
    (two,) = scatterers_of([FIRST, LAST])
    (one,) = scatterers_of([FIRST])
    (true,) = scatterers_of([FOURTH])
    at = np.array(FOURTH.distance), np.array(0.005)
    expected, weight = true.wave(k, 0.0).columns(*at), k**2
    errors = [np.linalg.norm((held.wave(k, 0.0).columns(*at) - expected) * weight) for held in (two, one)]
    assert errors[0] < 0.6 * errors[1]


def test_whole_turns_of_phase_between_files_do_not_matter():
    k = np.linspace(3.0, 17.0, 50)
    turned = replace(LAST, phase=LAST.phase + 4.0 * np.pi)
    at = np.array(7.0), np.array(0.005)
    found = [scatterers_of([FIRST, other])[0].wave(k, 0.0).columns(*at) for other in (LAST, turned)]
    assert found[0] == pytest.approx(found[1], rel=1e-9)


@pytest.mark.parametrize(
    ("paths", "match"),
    [
        ([], "no Feff file"),
        ([FIRST, FIRST], "both are of Cu at 2.5562"),
        ([FIRST, replace(LAST, absorber="Zn", name="zn.dat")], "zn.dat: absorber Zn"),
        ([FIRST, replace(LAST, free_path=2.0 * LAST.free_path)], "other mean free paths"),
    ],
)
def test_files_that_do_not_belong_together_are_refused(paths, match):
    with pytest.raises(ConfigurationError, match=match):
        scatterers_of(paths)
