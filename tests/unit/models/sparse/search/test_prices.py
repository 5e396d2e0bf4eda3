"""The front has what no cheaper support beats."""

import itertools

import numpy as np

from tansaku.models.sparse.search.design import Design
from tansaku.models.sparse.search.exhaustive import search_all
from tansaku.models.sparse.search.prices import front_of_all, front_of_some
from tansaku.models.sparse.search.scores import linear_score


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
