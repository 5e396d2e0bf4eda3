"""Moves keep the prior: every size equally often, every support of a size equally often."""

import numpy as np
import pytest

from tansaku.models.averaging.subsets import Units
from tansaku.sparse.models.search.replicas import Moves, Replicas


class Flat:
    """A score that prefers nothing."""

    def __init__(self, units=Units(5)):  # noqa: B008 - frozen
        self.units = units

    def energies(self, supports):
        return np.zeros(len(supports))


class Line(Units):
    """Units on a line."""

    def neighbours(self, units, rng):
        moved = units + rng.choice([-2, -1, 1, 2], size=len(units))
        return np.where((moved < 0) | (moved >= self.count) | (units < 0), -1, moved)


@pytest.mark.parametrize(("units", "repeats"), [(Units(5), 1), (Line(5), 3)])
def test_moves_leave_the_prior_as_it_is(units, repeats):
    moves = Moves(Flat(units), 0, 3, prior_draws=1, repeats=repeats)
    rng = np.random.default_rng(1)
    betas = np.concatenate([[0.0], np.linspace(0.1, 1.0, 200)])
    state = Replicas(moves.draw(201, rng), np.zeros(201), betas, rng)
    sizes, columns = np.zeros(4), np.zeros(5)
    for _ in range(300):
        moves.step(state)
        members = state.supports[1:]
        sizes += np.bincount((members >= 0).sum(axis=1), minlength=4)
        columns += np.bincount(members[members >= 0], minlength=5)
        assert all(len(set(row[row >= 0].tolist())) == (row >= 0).sum() for row in members[:5])
    assert sizes / sizes.sum() == pytest.approx([0.25] * 4, abs=0.02)
    assert columns / columns.sum() == pytest.approx([0.2] * 5, abs=0.02)


def test_the_state_is_restored_exactly():
    moves = Moves(Flat(), 0, 3, prior_draws=1)
    rng = np.random.default_rng(1)
    state = Replicas(moves.draw(4, rng), np.zeros(4), np.linspace(0.0, 1.0, 4), rng)
    copy = Replicas.restored({name: np.array(value) for name, value in state.arrays().items()})
    moves.step(state)
    moves.step(copy)
    assert np.array_equal(state.supports, copy.supports)


def test_draws_from_many_units_are_distinct_and_even():
    moves = Moves(Flat(Units(3000)), 0, 3)
    drawn = moves.draw(20_000, np.random.default_rng(0))
    sizes = (drawn >= 0).sum(axis=1)
    assert np.bincount(sizes) / len(drawn) == pytest.approx([0.25] * 4, abs=0.02)
    full = np.sort(drawn[sizes == 3], axis=1)
    assert (full[:, 1:] > full[:, :-1]).all()
    assert np.histogram(drawn[drawn >= 0], 10, (0, 3000))[0] / (drawn >= 0).sum() == pytest.approx([0.1] * 10, abs=0.01)
