"""What samples of the posterior agree on; intervals for a close pair of shells hold the truth."""

import numpy as np
import pytest

from benchmarks.exafs.pairs import SETTINGS, case
from tansaku.models.sparse.exafs.posterior import Samples, interval, parted
from tansaku.models.sparse.exafs.shells import Bounds
from tansaku.tasks.sparse.exafs import ExafsSettings

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


def test_the_atoms_of_a_close_pair_are_inside_their_interval():
    found = case(5, ExafsSettings(SETTINGS.choice, SETTINGS.bounds, SETTINGS.most, steps=1500))
    assert [shell[1] for shell in found["shells"]][:2] == [2.1, 2.3]
    pair = found["pair"]
    assert pair["low"] < pair["atoms"] < pair["high"]
    assert pair["high"] - pair["low"] > 0.5, "the search's best set alone was certain of too few or too many"
    assert not [row for row in found["rows"] if row["element"] == "Fe" and row["distance"] < 2.8]
