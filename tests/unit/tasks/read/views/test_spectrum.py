"""Spectra of segregation energies: the fit finds the distribution that values were drawn from."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import skewnorm

from tansaku.tasks.read.figures import spectrum as figure
from tansaku.tasks.read.figures.drawing import table_of
from tansaku.tasks.read.views.spectrum import Spectrum, fit_skew_normal


@pytest.mark.parametrize("shape", [-4.0, 2.0])
def test_the_fit_finds_the_distribution_of_many_values(shape):
    energy = skewnorm.rvs(shape, loc=-0.1, scale=0.3, size=4000, random_state=np.random.default_rng(2))
    found = fit_skew_normal(energy, np.ones(len(energy)))
    assert (found.location, found.width, found.shape) == pytest.approx((-0.1, 0.3, shape), rel=0.1)
    expected = skewnorm.pdf(0.0, found.shape, found.location, found.width)
    assert found.density(np.array([0.0])) == pytest.approx(expected)


def test_a_weight_counts_as_often_as_it_says():
    energy = np.array([-0.4, -0.1, 0.0, 0.05, 0.2])
    weights = np.array([1, 3, 2, 4, 1])
    once = fit_skew_normal(energy, weights.astype(float))
    often = fit_skew_normal(np.repeat(energy, weights), np.ones(weights.sum()))
    assert (once.location, once.width, once.shape) == pytest.approx((often.location, often.width, often.shape), abs=1e-3)


def spectrum(count=9):
    energy = np.linspace(-0.3, 0.1, count)
    return Spectrum(
        candidates=tuple(f"Mg-{number:05d}" for number in range(count)),
        energy=energy,
        deviation=np.where(np.arange(count) % 2, 0.02, 0.0),
        computed=np.arange(count) % 2 == 0,
        members=np.full(count, 2),
        coordination=np.full(count, 12),
        change=np.linspace(0.1, 1.0, count),
        fit=fit_skew_normal(energy, np.ones(count)),
        unit="eV",
    )


@pytest.mark.parametrize("change", [{}, {"fit": None}, {"computed": np.ones(9, dtype=bool), "deviation": np.zeros(9)}])
def test_the_figure_is_drawn_with_and_without_a_fit_and_expected_values(tmp_path, change):
    path = figure.draw_png(replace(spectrum(), **change), tmp_path / "spectrum.png")
    assert path.stat().st_size > 10_000


def test_the_bars_hold_every_site():
    found = spectrum()
    edges = figure.bins_of(found)
    counts, _ = np.histogram(found.energy, edges, weights=found.members)
    assert counts.sum() == 18
    columns, rows = table_of(found.table())
    assert columns[:2] == ["candidate", "segregation_energy [eV]"]
    assert [row[0] for row in rows] == list(found.candidates)
