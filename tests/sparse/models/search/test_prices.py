"""The front has what no cheaper support beats."""

import itertools

import numpy as np
import pytest
from scipy.special import logsumexp

from tansaku.models.averaging.design import Design
from tansaku.models.averaging.subsets import log_prior
from tansaku.sparse.models.search.exhaustive import search_all
from tansaku.sparse.models.search.landscape import landscape
from tansaku.sparse.models.search.prices import front_of_all, front_of_some, worths
from tansaku.sparse.models.search.scores import linear_score


def test_the_front_is_that_of_all_supports():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(40, 6))
    score = linear_score("bic", Design.of(x, x @ rng.normal(size=6) + rng.normal(size=40)))
    prices = np.array([1.0, 5.0, 0.5, 2.0, 0.0, 3.0])
    offers = front_of_all(search_all(score, 3), prices)
    every = [(prices[list(s)].sum(), score.energies(np.array([s], dtype=np.int64).reshape(1, -1))[0])
             for size in range(4) for s in itertools.combinations(range(6), size)]  # fmt: skip
    for offer in offers:
        assert offer.energy <= min(energy for price, energy in every if price <= offer.price) + 1e-9
    assert [offer.price for offer in offers] == sorted(offer.price for offer in offers)
    assert (
        offers[-1].energy == min(energy for _, energy in every)
        or abs(offers[-1].energy - min(energy for _, energy in every)) < 1e-9
    )


def test_of_a_list():
    supports = np.array([[-1, -1], [0, -1], [1, -1], [0, 1]])
    offers = front_of_some(supports, np.array([5.0, 4.0, 4.5, 1.0]), np.array([1.0, 2.0]))
    assert [offer.support for offer in offers] == [(), (0,), (0, 1)]


def test_a_column_is_worth_the_divergence_of_the_posterior_without_it():
    rng = np.random.default_rng(3)
    supports = [tuple(place for place in range(4) if code >> place & 1) for code in range(16)]
    posterior = rng.dirichlet(np.ones(16))
    probabilities = np.array([sum(p for s, p in zip(supports, posterior, strict=True) if j in s) for j in range(4)])
    found = worths(np.log1p(-probabilities), np.array([1.0, 2.0, 0.5, 0.0]))
    assert found[0].column == 3
    assert found[0].per_price is None
    for item in found:
        without = np.array([0.0 if item.column in s else p for s, p in zip(supports, posterior, strict=True)])
        without /= without.sum()
        kept = without > 0.0
        exact = float((without[kept] * np.log(without[kept] / posterior[kept])).sum())
        assert item.change == pytest.approx(exact, rel=1e-9)
    paid = [item.per_price for item in found[1:]]
    assert paid == sorted(paid, reverse=True)


def test_a_tiny_probability_without_a_column_keeps_its_digits():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(80, 6))
    y = x[:, 0] + 0.7 * x[:, 3] + 0.1 * rng.normal(size=80)
    found = landscape(search_all(linear_score("bic", Design.of(x, y)), 3))
    changes = {item.column: item.change for item in worths(found.log_without, np.ones(6))}
    every = [s for size in range(4) for s in itertools.combinations(range(6), size)]
    score = linear_score("bic", Design.of(x, y))
    logs = np.array([
        log_prior(6, 3)[len(s)] - score.energies(np.array([s], dtype=np.int64).reshape(1, -1))[0] for s in every
    ])  # fmt: skip
    for unit in range(6):
        without = logsumexp(logs[[unit not in s for s in every]]) - logsumexp(logs)
        assert changes[unit] == pytest.approx(-without, rel=1e-9, abs=1e-9)
    assert changes[0] > changes[3] > 40.0
