"""Which structures are worth an expensive calculation."""

from __future__ import annotations

import numpy as np
import pytest
from ase.build import bulk

from tansaku.models.domain.errors import FitError
from tansaku.models.domain.specs.descriptors import RadialDescriptorSpec
from tansaku.models.features.atomic_environment import environment_features
from tansaku.models.surrogates.choosing import NOISE, Environments, informative_order, smallest_order, within

RADIAL = (RadialDescriptorSpec(cutoff=5.0, widths=(0.4, 0.8)),)


def environments(rows: list[np.ndarray]) -> Environments:
    width = rows[0].shape[1]
    factors = np.zeros((len(rows), width, width))
    for number, one in enumerate(rows):
        upper = np.linalg.qr(one, mode="r")
        factors[number, : len(upper)] = upper
    every = np.vstack(rows)
    return Environments(factors, every.T @ every / len(every))


def variance(rows: list[np.ndarray], known: list[int]) -> float:
    """Mean variance of all predictions, written out."""
    every = np.vstack(rows)
    mean = every.T @ every / len(every)
    precision = np.eye(len(mean)) * np.trace(mean)
    for number in known:
        precision = precision + rows[number].T @ rows[number] / NOISE
    return float(np.trace(mean @ np.linalg.inv(precision)))


def test_each_choice_lowers_the_mean_variance_most_for_its_cost():
    rng = np.random.default_rng(0)
    rows = [rng.normal(size=(size, 5)) * rng.uniform(0.2, 2.0, size=5) for size in (3, 9, 4, 4, 12, 2, 7)]
    cost = np.array([3.0, 9.0, 4.0, 2.0, 12.0, 2.0, 7.0])
    candidates = np.array([0, 1, 2, 3, 5, 6])
    order = informative_order(environments(rows), cost, candidates)
    assert sorted(order) == sorted(candidates)
    chosen: list[int] = []
    for taken in order:
        left = [one for one in candidates if one not in chosen]
        gains = {one: (variance(rows, chosen) - variance(rows, [*chosen, one])) / cost[one] for one in left}
        assert gains[taken] == pytest.approx(max(gains.values()), rel=1e-6)
        chosen.append(int(taken))


def test_cost_matters_and_of_equals_the_first_given_comes_first():
    rows = [np.eye(3), np.eye(3), np.eye(3)]
    assert informative_order(environments(rows), np.array([2.0, 1.0, 2.0]), np.arange(3)).tolist() == [1, 0, 2]
    assert informative_order(environments(rows), np.ones(3), np.array([2, 0, 1])).tolist() == [2, 0, 1]


def test_what_is_known_already_comes_last_and_what_is_to_be_predicted_counts():
    # Two structures along x, one along y; where most of what is to be predicted lies along y, that one comes first.
    rows = [np.array([[1.0, 0.0]]), np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]]), *([np.array([[0.0, 1.0]])] * 5)]
    assert informative_order(environments(rows), np.ones(8), np.arange(3)).tolist() == [2, 0, 1]
    rows[3:] = [np.array([[1.0, 0.0]])] * 5
    assert informative_order(environments(rows), np.ones(8), np.arange(3)).tolist() == [0, 2, 1]


def test_every_element_has_features_of_its_own(emt_examples):
    structures = [one.structure for one in emt_examples(("Cu", "Au"), groups=3, per_group=2)]
    found = Environments.of(structures, RADIAL)
    alone = Environments.of([one.structure for one in emt_examples(("Cu",), groups=3, per_group=2)], RADIAL)
    assert found.mean.shape[0] > alone.mean.shape[0]
    turned = [one.copy() for one in structures]
    for one in turned:
        one.rotate(31.0, (1, 1, 3), rotate_cell=True)
    again = Environments.of(turned, RADIAL)
    assert (
        informative_order(again, np.ones(6), np.arange(6)).tolist()
        == informative_order(found, np.ones(6), np.arange(6)).tolist()
    )


def test_perfect_crystals_alone_give_nothing_to_choose_by():
    with pytest.raises(FitError, match="no feature varies"):
        Environments.of([bulk("Cu", cubic=True)] * 3, RADIAL)


def test_the_smallest_come_first_and_equals_in_random_order():
    cost = np.array([3.0, 1.0, 1.0, 1.0, 2.0, 1.0])
    orders = {tuple(smallest_order(cost, np.arange(6), np.random.default_rng(seed))) for seed in range(20)}
    assert len(orders) > 5
    assert all(order[-2:] == (4, 0) for order in orders)


def test_a_limit_takes_the_first_ones_and_one_at_least():
    order, cost = np.array([2, 0, 1]), np.array([0.1, 5.0, 0.2])
    assert within(order, cost, 0.3).tolist() == [2, 0]
    assert within(order, cost, 5.3).tolist() == [2, 0, 1]
    assert within(order, cost, 0.01).tolist() == [2]


def test_each_structure_is_looked_at_twice_and_never_all_at_once(emt_examples):
    structures = [one.structure for one in emt_examples(groups=2, per_group=2)]
    looked = []

    def features(structure, descriptors, species):
        looked.append(id(structure))
        return environment_features(structure, descriptors, species)

    found = Environments.of(structures, RADIAL, features)
    assert looked == 2 * [id(one) for one in structures]
    assert np.array_equal(found.factors, Environments.of(structures, RADIAL).factors)
