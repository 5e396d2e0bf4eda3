"""Random numbers that follow from an id alone."""

import numpy as np
import pytest

from tansaku.models.domain.specs.boundary_density import LARGEST_LAMMPS_SEED, AnnealSpec
from tansaku.spaces.boundary_density.space import Draws, anneal_of

NAMES = [f"s005-210-a1x2-n050-x000-y000-k{seed:02d}" for seed in range(600)]


def test_numbers_are_the_same_for_ever():
    """They decide what a stored id means: these values may never change."""
    draws = Draws(NAMES[3])
    assert draws.uniform("in_plane") == pytest.approx(0.44598919336320064, abs=1e-16)
    assert draws.choose(3, 8) == [1, 2, 3]


def test_numbers_are_uniform_and_independent():
    values = np.array([[Draws(name).uniform(what) for what in ("in_plane", "along_axis")] for name in NAMES])
    assert ((values >= 0) & (values < 1)).all()
    assert values.mean(axis=0) == pytest.approx([0.5, 0.5], abs=0.05)
    assert np.var(values, axis=0) == pytest.approx([1 / 12, 1 / 12], abs=0.01)
    assert abs(np.corrcoef(values.T)[0, 1]) < 0.15


def test_every_site_is_chosen_alike():
    chosen = [Draws(name).choose(2, 6) for name in NAMES]
    assert all(one < other for one, other in chosen)
    counts = np.bincount(np.ravel(chosen), minlength=6)
    assert counts == pytest.approx(np.full(6, 200), abs=60)
    assert Draws("a").choose(0, 4) == []
    assert Draws("a").choose(4, 4) == [0, 1, 2, 3]


def test_evenly_spaced_sites_are_chosen_from_every_row():
    rows = np.arange(44).reshape(11, 4).T
    seen = set()
    for name in NAMES[:60]:
        chosen = Draws(name).choose_evenly(22, rows)
        assert chosen == sorted(set(chosen))
        by_row = [np.flatnonzero(np.isin(row, chosen)) for row in rows]
        # Eleven places lose five or six: neighbours are two or three apart, around the period too.
        assert sorted(map(len, by_row)) == [5, 5, 6, 6]
        gaps = [np.diff([*places, places[0] + 11]) for places in by_row]
        assert all(set(gap) <= {1, 2, 3} and np.ptp(gap) <= 1 for gap in gaps)
        seen.add((tuple(len(places) for places in by_row), *(int(places[0]) for places in by_row)))
    assert len(seen) > 30
    assert Draws("a").choose_evenly(0, rows) == []
    assert Draws("a").choose_evenly(44, rows) == list(range(44))
    assert Draws("a").choose_evenly(3, rows) == Draws("a").choose_evenly(3, rows)


def test_how_a_candidate_is_annealed():
    spec = AnnealSpec(probability=0.3, temperature=(0.5, 0.6), steps=(10, 12), melting_point=1000)
    runs = [anneal_of(name, spec, "Cu") for name in NAMES]
    some = [run for run in runs if run is not None]
    assert len(some) == pytest.approx(180, abs=45)
    assert all(500 <= run.temperature < 600 and 1 <= run.seed < LARGEST_LAMMPS_SEED for run in some)
    assert {run.steps for run in some} == {10, 11, 12}
    assert len({run.seed for run in some}) == len(some)
    assert runs == [anneal_of(name, spec, "Cu") for name in NAMES]
    assert anneal_of(NAMES[0], None, "Cu") is None
    hotter = anneal_of(NAMES[0], AnnealSpec(probability=1, temperature=(0.5, 0.5)), "W")
    assert hotter.temperature == pytest.approx(3695 / 2)
