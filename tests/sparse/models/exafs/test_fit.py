"""Shells are found, fitted and counted."""

from pathlib import Path

import numpy as np
import pytest

from tansaku.models.domain.errors import ConfigurationError
from tansaku.sparse.models.exafs.fit import ShellFitter
from tansaku.sparse.models.exafs.scattering import scatterers_of
from tansaku.sparse.models.exafs.shells import Bounds, Shells, ShellScore
from tansaku.sparse.models.exafs.signal import Choice, FineStructure, hanning
from tansaku.sparse.tasks.feff_file import read_feff

COPPER = Path(__file__).parents[4] / "examples/exafs-copper"
SCATTERERS = scatterers_of([read_feff(COPPER / f"feff{number:04d}.dat") for number in (1, 14)])
K = np.arange(2.0, 15.01, 0.05)
TRUE = Shells(np.zeros(3, dtype=np.int64), np.array([2.5, 3.6, 5.2]), np.array([0.005, 0.008, 0.006]))
ATOMS = np.array([10.0, 6.0, 20.0])
NEAR = Bounds(distance=(1.5, 6.0))


def made(noise, shift=2.0, background=None, seed=0):
    (wave,) = (scatterer.wave(K, shift) for scatterer in SCATTERERS)
    chi = ATOMS @ wave.columns(TRUE.distance, TRUE.variance) + noise * np.random.default_rng(seed).normal(size=len(K))
    return chi if background is None else chi + background


def score(chi, choice=None, bounds=NEAR):
    return ShellScore(FineStructure.of(K, chi, choice or Choice(high=14.0)), SCATTERERS, bounds)


def fitted(chi, most=4, **kwargs):
    fitter = ShellFitter(score(chi, **kwargs))
    return [fitter.fit(placed) for placed in fitter.best_by_number(most)]


def test_shells_and_the_shift_are_found():
    fits = fitted(made(1e-3))
    fit = fits[3]
    assert fit.shells.distance == pytest.approx(TRUE.distance, abs=0.01)
    assert fit.shells.variance == pytest.approx(TRUE.variance, rel=0.2)
    assert fit.atoms == pytest.approx(ATOMS, rel=0.15)
    assert fit.energy == pytest.approx(2.0, abs=0.5)
    left = [fit.deviation for fit in fits]
    assert left[3] < left[2] < left[1] < left[0]


def test_a_smooth_background_is_taken_out_and_without_its_functions_it_is_not():
    smooth = 0.3 * np.sin(K / 1.5)
    fits = [
        fitted(made(3e-4, background=smooth), most=3, choice=Choice(high=14.0, background=width))[3] for width in (1.0, 0.0)
    ]
    errors = [np.abs(fit.shells.distance - TRUE.distance).max() for fit in fits]
    assert errors[0] < 0.01
    assert errors[0] < errors[1]


@pytest.mark.parametrize("choice", [Choice(high=14.0), Choice(high=12.0, power=3, sill=0.0)])
def test_the_background_holds_all_waves_up_to_its_distance_and_none_of_a_shell(choice):
    signal = FineStructure.of(K, np.sin(K), choice)
    basis = np.linalg.qr(signal.background * signal.weights[:, None])[0]

    def left_over(distance):
        waves = np.exp(2j * signal.k * distance) * signal.weights
        return np.linalg.norm(waves - basis @ (basis.T @ waves)) / np.linalg.norm(waves)

    assert max(left_over(distance) for distance in np.linspace(0.1, 1.0, 10)) < 0.02
    assert left_over(2.0) > 0.75


@pytest.mark.parametrize("power", [0.0, 1.5])
def test_points_are_weighed_by_the_noise_that_is_found(power):
    noise = 1e-3 * K**power * np.random.default_rng(3).normal(size=len(K))
    fitter = ShellFitter(score(made(0.0) + noise, choice=Choice(high=14.0, power=2)))
    signal = fitter.evened(fitter.refined(TRUE, 2.0)).score.signal
    assert signal.tilt == pytest.approx(2.0 + power, abs=0.35)
    rest = noise[np.isin(K, signal.k)] * signal.weights
    near, far = (
        np.std(rest[inside]) for inside in ((signal.k > 4.0) & (signal.k < 7.0), (signal.k > 10.0) & (signal.k < 13.0))
    )
    assert near == pytest.approx(far, rel=0.35)
    assert signal.transform(signal.chi, np.array([2.4])) == pytest.approx(
        fitter.score.signal.transform(signal.chi, np.array([2.4]))
    ), "figures keep the weight that was asked for"


def test_searches_start_at_several_shifts_of_energy():
    starts = ShellFitter(score(made(1e-3))).starts(4)
    assert starts[0].energy == pytest.approx(2.0, abs=0.5)
    assert len(starts[0].shells) == 3, "further shells are not worth their parameters"
    assert len({round(start.energy, 1) for start in starts}) == len(starts)


def test_an_element_has_no_distance_far_below_its_shortest_file():
    scored = score(made(1e-3))
    assert scored.lowest == pytest.approx([0.8 * 2.5562], abs=1e-3)
    assert scored.coarse().distance.min() >= scored.lowest[0]
    with pytest.raises(ConfigurationError, match=r"feff0001.dat: serves from 2.04 A on"):
        score(made(1e-3), bounds=Bounds(distance=(1.5, 2.0)))


def test_the_derivatives_are_those_of_the_sum():
    fitter = ShellFitter(score(made(0.0)))
    heights = np.array([1.0, 0.6, 2.0])
    slopes = fitter._slopes(TRUE, 2.0, heights)
    step = 1e-3

    def total(distance, log_variance, shift):
        return heights @ fitter._score.columns(Shells(TRUE.element, distance, np.exp(log_variance)), shift)

    start = (TRUE.distance, np.log(TRUE.variance), 2.0)
    for row, (kind, place) in enumerate([(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (2, None)]):
        sides = []
        for sign in (-1.0, 1.0):
            values = [np.array(value, dtype=float) for value in start]
            if place is None:
                values[kind] = values[kind] + sign * step
            else:
                values[kind][place] += sign * step
            sides.append(total(values[0], values[1], float(values[2])))
        numeric = (sides[1] - sides[0]) / (2.0 * step)
        assert np.abs(slopes[row] - numeric).max() < 0.02 * np.abs(numeric).max()


def test_the_window_is_one_inside_and_half_at_its_ends():
    window = hanning(np.array([2.4, 3.0, 3.6, 8.0, 13.4, 14.0, 14.6]), 3.0, 14.0, 1.0)
    assert window == pytest.approx([0.0, 0.5, 1.0, 1.0, 1.0, 0.5, 0.0])
    assert hanning(np.array([2.9, 3.0, 14.0, 14.1]), 3.0, 14.0, 0.0).tolist() == [0.0, 1.0, 1.0, 0.0]


def test_the_transform_of_a_wave_is_highest_at_its_distance():
    signal = FineStructure.of(K, np.sin(2.0 * K * 3.3) / K**2, Choice(high=14.0, power=2))
    distances = np.linspace(1.0, 6.0, 501)
    assert distances[np.argmax(np.abs(signal.transform(signal.chi, distances)))] == pytest.approx(3.3, abs=0.02)


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: Choice(low=0.1), "k from 0.1"),
        (lambda: Choice(high=4.0), "k up to 4"),
        (lambda: Choice(power=7), "k-weight 7"),
        (lambda: Choice(sill=5.0), "sill 5"),
        (lambda: Choice(background=3.0), "background 3"),
        (lambda: Bounds(distance=(3.0, 2.0)), "distances 3 to 2"),
        (lambda: Bounds(variance=(0.0, 0.01)), "displacements 0 to 0.01"),
        (lambda: Bounds(energy=(-90.0, 0.0)), "shifts of energy -90"),
        (lambda: FineStructure.of(K[::2], K[::2], Choice(low=12.0)), "expected at least 40"),
        (lambda: score(np.zeros(len(K))), "nothing to explain"),
    ],
)
def test_what_cannot_be_used_is_refused(make, match):
    with pytest.raises(ConfigurationError, match=match):
        make()


def test_a_feff_file_that_ends_before_the_data_is_refused():
    k = np.arange(3.0, 25.0, 0.05)
    with pytest.raises(ConfigurationError, match=r"feff0001.dat: k up to 20 1/A; expected 25"):
        ShellScore(FineStructure.of(k, np.sin(6.0 * k), Choice()), SCATTERERS, NEAR)
