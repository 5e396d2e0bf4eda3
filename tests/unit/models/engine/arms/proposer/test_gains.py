"""What the next draw from a surface may gain."""

import numpy as np
import pytest

from tansaku.models.domain.pool import CandidatePool, FeatureGroup
from tansaku.models.domain.ports import History
from tansaku.models.engine.arms.proposer import deviation_within, expected_gains


def pool(arms, size, systems=1):
    """Arms with as many candidates each, shared out over the systems."""
    codes = np.repeat(np.arange(arms), size)
    return CandidatePool(
        ids=np.array([f"c{i:04d}" for i in range(len(codes))]),
        systems=tuple(f"s{i:02d}" for i in range(systems)),
        system_codes=codes * systems // arms,
        surfaces=tuple(f"arm{i}" for i in range(arms)),
        surface_codes=codes,
        groups={"n": FeatureGroup.compact("n", np.arange(arms, dtype=float)[:, None], codes, ("n",))},
        cost=np.ones(len(codes)),
    )


def test_gains_are_as_those_of_draws_whose_tail_is_heavy():
    """Surfaces at several gaps, each drawn many times from a law with a Pareto tail of shape 1/2: gains fall as they do."""
    rng = np.random.default_rng(0)
    size, scale = 6, 20.0
    gaps = np.array([0.0, 20.0, 60.0, 140.0])
    of = pool(len(gaps), size)
    # Below a value that it undercuts the law falls off by a generalised Pareto law, whose mean excess rises with the gap.
    drops = scale * (rng.uniform(size=2_000_000) ** -0.5 - 1) / 0.5
    gained = np.array([np.maximum(drops - gap, 0).mean() for gap in gaps])
    values = np.sort(rng.normal(scale=2 * scale, size=(len(gaps), size)))
    values += 1000 + gaps[:, None] - values[:, :1]
    history = History(observed=np.arange(of.surface_codes.size), values=values.ravel())
    believed = expected_gains(of, history, np.full(len(gaps), size))
    inner = deviation_within(of.surface_codes, values.ravel()) / np.sqrt(size)
    assert believed / believed[0] == pytest.approx(1 / (1 + gaps / inner))
    assert gained / gained[0] == pytest.approx(1 / (1 + gaps / (2 * scale)), rel=0.05)


def test_gains_fall_with_the_number_of_draws():
    of = pool(3, 4)
    history = History(observed=np.array([0, 4, 8]), values=np.array([900.0, 900.0, 960.0]))
    few, many, far = expected_gains(of, history, np.array([1, 4, 1]))
    assert few > many > 0
    assert few > far > 0


def test_the_deviation_is_that_within_surfaces():
    rng = np.random.default_rng(1)
    arms = np.repeat(np.arange(400), 10)
    values = 1000 + 50.0 * arms + rng.normal(scale=30.0, size=4000)
    assert deviation_within(arms, values) == pytest.approx(30.0, rel=0.05)


def test_a_structure_that_came_again_leaves_less_to_gain():
    of = pool(2, 4)
    values = np.array([900.0, 900.1, 900.2, 960.0, 900.0, 930.0, 940.0, 960.0])
    settled, rugged = expected_gains(of, History(observed=np.arange(8), values=values), np.array([4, 4]))
    assert settled == pytest.approx(rugged / 3)


def test_a_surface_with_failures_alone_counts_as_the_worst():
    of = pool(3, 4)
    history = History(observed=np.array([0, 4]), values=np.array([900.0, 980.0]), failed=np.array([8]))
    gains = expected_gains(of, history, np.array([1, 1, 1]))
    assert gains[2] == pytest.approx(gains[1])
    assert gains[0] > gains[1] > 0
