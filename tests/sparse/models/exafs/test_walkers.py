"""Walkers follow the prior where the data say nothing, which each kind of move would break if its ratio were wrong."""

from pathlib import Path

import numpy as np
import pytest

from tansaku.sparse.models.exafs.fit import Placed
from tansaku.sparse.models.exafs.scattering import scatterers_of
from tansaku.sparse.models.exafs.shells import ATOMS, Bounds, Shells, ShellScore
from tansaku.sparse.models.exafs.signal import Choice, FineStructure
from tansaku.sparse.models.exafs.walkers import Walkers, usual_atoms
from tansaku.sparse.tasks.feff_file import read_feff

WUSTITE = Path(__file__).parents[4] / "benchmarks/exafs/wustite"
K = np.arange(3.0, 12.0, 0.2)
BOUNDS = Bounds(distance=(1.5, 4.0))


def walkers(count=64, powers=(1.0,), most=4):
    scatterers = scatterers_of([read_feff(WUSTITE / f"feff000{number}.dat") for number in (1, 2)])
    signal = FineStructure.of(K, np.random.default_rng(0).normal(size=len(K)), Choice(background=0.5, sill=0.0))
    starts = [Placed(Shells.none(), 0.0, 1.0)] * count
    return Walkers(ShellScore(signal, scatterers, BOUNDS), starts, most, np.array(powers), np.random.default_rng(1))


def test_without_data_walkers_draw_from_the_prior(monkeypatch):
    walking = walkers()
    monkeypatch.setattr(walking, "_precision", np.zeros(64))
    monkeypatch.setattr("tansaku.sparse.models.exafs.walkers._FEWER", 0.5)
    falling = np.exp(-0.5 * np.arange(5))
    moves = (walking.move, walking.birth_or_death, walking.split_or_merge, walking.birth_or_death, walking.shift)
    numbers, distances, atoms = [], [[], []], []
    for step in range(4000):
        moves[step % len(moves)]()
        used = walking.active
        numbers.append(used.sum(axis=1))
        atoms.append(walking.height[used] * ATOMS / usual_atoms(walking.distance[used]))
        for element in (0, 1):
            distances[element].append(walking.distance[used & (walking.element == element)])
    assert np.bincount(np.concatenate(numbers)) / (64 * 4000) == pytest.approx(falling / falling.sum(), abs=0.02)
    assert np.concatenate(atoms).mean() == pytest.approx(np.sqrt(2.0 / np.pi), abs=0.01)
    for element, lowest in enumerate(walking._score.lowest):
        drawn = np.concatenate(distances[element])
        assert drawn.mean() == pytest.approx(0.5 * (lowest + 4.0), abs=0.03)
        assert drawn.std() == pytest.approx((4.0 - lowest) / np.sqrt(12.0), abs=0.03)


def test_walkers_keep_what_they_leave_over_and_exchange_powers():
    walking = walkers(count=6, powers=(0.1, 0.5, 1.0))
    for _ in range(60):
        for move in (walking.move, walking.birth_or_death, walking.split_or_merge, walking.shift, walking.exchange):
            move()
        walking.draw_noise()
    made = np.array([
        walking._score.columns(Shells(element[used], distance[used], np.exp(spread[used])), energy).T @ height[used]
        for element, distance, spread, used, energy, height in zip(
            walking.element, walking.distance, walking.log_variance, walking.active, walking.energy, walking.height, strict=True
        )
    ])  # fmt: skip
    assert walking.rest == pytest.approx(walking._score.target - made, abs=1e-3)
    assert sorted(walking.beta.tolist()) == pytest.approx([0.1, 0.1, 0.5, 0.5, 1.0, 1.0])
    assert walking.beta.tolist() != [0.1, 0.5, 1.0] * 2
