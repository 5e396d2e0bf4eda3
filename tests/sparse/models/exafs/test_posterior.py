"""What samples of the posterior agree on; intervals for a close pair of shells hold the truth."""

import numpy as np
import pytest

from benchmarks.exafs.pairs import scatterers
from tansaku.sparse.models.exafs.posterior import Samples, interval, parted
from tansaku.sparse.models.exafs.shells import Bounds
from tansaku.sparse.models.exafs.signal import Choice, FineStructure
from tansaku.sparse.tasks.exafs import ExafsSettings, find_shells

BOUNDS, LOWEST = Bounds(distance=(1.5, 4.0)), np.array([1.5, 1.5])


def samples(distance, atoms, element=0, variance=0.006):
    distance, atoms = np.atleast_2d(distance).T, np.atleast_2d(atoms).T
    same = np.full(distance.shape, element)
    return Samples(
        atoms > 0.0, same, distance, np.full(distance.shape, variance), atoms, np.zeros(len(atoms)), np.ones(len(atoms))
    )


@pytest.mark.parametrize(
    ("density", "expected"),
    [
        ([0.0, 0.5, 1.0, 0.5, 0.0], [(1, 4)]),
        ([0.0, 1.0, 0.0, 0.0, 1.0], [(1, 2), (4, 5)]),
        ([0.5, 1.0, 0.1, 0.9, 0.5], [(0, 2), (2, 5)]),
        ([0.5, 1.0, 0.6, 0.9, 0.5], [(0, 5)]),
        ([0.0, 0.01, 0.0], []),
    ],
)
def test_groups_are_parted_at_gaps_and_deep_valleys(density, expected):
    assert parted(np.array(density)) == expected


def test_a_group_has_the_atoms_of_all_samples_with_those_that_lack_it():
    rng = np.random.default_rng(0)
    atoms = np.where(np.arange(400) < 300, rng.normal(6.0, 0.5, 400), 0.0)
    (group,) = samples(rng.normal(2.1, 0.01, 400), atoms).groups(BOUNDS, LOWEST)
    assert group.probability == 0.75
    assert group.distance == (pytest.approx(2.1, abs=0.005), pytest.approx(0.01, rel=0.2))
    assert group.atoms == pytest.approx(interval(atoms))
    assert group.atoms[1] == 0.0
    assert group.at_bounds == ()


@pytest.mark.parametrize(
    ("distance", "variance", "lowest", "expected"),
    [
        (1.51, 0.006, 1.5, ("distance",)),
        (2.0, 0.0295, 1.5, ("displacement",)),
        (2.0, 0.006, 1.99, ("distance",)),
        (2.0, 0.006, 1.5, ()),
    ],
)
def test_a_shell_at_a_bound_is_flagged(distance, variance, lowest, expected):
    held = samples(np.full(50, distance), np.full(50, 4.0), variance=variance)
    (group,) = held.groups(BOUNDS, np.array([lowest]))
    assert group.at_bounds == expected


def test_chains_that_do_not_agree_are_noticed():
    rng = np.random.default_rng(0)
    same, apart = rng.normal(6.0, 1.0, 400), rng.normal(6.0, 1.0, 400) + np.tile([0.0, 3.0], 200)
    found = [samples(np.full(400, 2.1), atoms) for atoms in (same, apart)]
    assert [held.r_hat(held.groups(BOUNDS, LOWEST)) > 1.2 for held in found] == [False, True]


def close_pair(seed):
    """Fine structure of O 2.10 A x 4 + O 2.30 A x 2 + Fe 3.05 A x 8 on a background, with noise."""
    k, known = np.arange(2.0, 15.0, 0.05), {scatterer.element: scatterer for scatterer in scatterers()}
    chi = 0.05 * np.cos(1.4 * k + 1.0) * np.exp(-k / 6.0) + 1e-3 * np.random.default_rng(seed).normal(size=len(k))
    for element, distance, variance, atoms in (("O", 2.10, 0.006, 4.0), ("O", 2.30, 0.006, 2.0), ("Fe", 3.05, 0.008, 8.0)):
        chi += atoms * known[element].wave(k, 1.0).columns(np.array(distance), np.array(variance))
    return k, chi


def test_intervals_of_a_close_pair_hold_its_atoms_and_nothing_is_nearer():
    bounds = Bounds(distance=(1.5, 3.5), energy=(-5.0, 5.0))
    settings, apart = ExafsSettings(Choice(3.0, 14.0), bounds, most=4, steps=1600), []
    for seed in range(2):
        found = find_shells(FineStructure.of(*close_pair(seed), settings.choice), scatterers(), settings, lambda *_: None)
        pair = found.groups[:-1]
        assert [found.scatterers[group.element].element for group in found.groups] == ["O"] * len(pair) + ["Fe"]
        assert min(group.distance[0] for group in pair) > 2.05, "nothing is nearer"
        mean, low, high = interval(found.samples.atoms_of(pair))
        apart.append((mean - 6.0) / (0.5 * (high - low)))
    assert np.abs(apart).max() < 2.5
    assert 0.2 < np.sqrt(np.mean(np.square(apart))) < 2.0, "as far from the truth as the intervals say"
