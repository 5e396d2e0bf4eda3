"""Learned cost: recovers what was planted, leans on the prior where little was measured, adds up."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tansaku.models.domain.errors import ConfigurationError, StoreError
from tansaku.models.domain.history import Entry, measured_costs
from tansaku.models.domain.pool import FeatureGroup
from tansaku.models.domain.specs.composition import CompositionSpaceSpec
from tansaku.models.domain.specs.cost import CostPrior
from tansaku.models.domain.specs.grain_boundary import GrainBoundarySpaceSpec
from tansaku.models.domain.specs.table import TableSpaceSpec
from tansaku.models.domain.states import EvaluationState
from tansaku.models.engine.cost import (
    GROWTH,
    LEAST_MEASURED,
    CostModel,
    cost_due,
    fit_cost,
    priced,
)
from tests.support.pools import pool_of

DONE = EvaluationState.DONE
PRIOR = CostPrior(anchor=1.0, exponents={"atoms": 1.0, "k_points": 1.0}, reference={"atoms": 100.0, "k_points": 1.0})


def descriptors(rng: np.random.Generator, n: int = 60) -> FeatureGroup:
    values = np.column_stack((rng.uniform(20, 400, n), rng.integers(1, 40, n)))
    return FeatureGroup("cost", values, np.arange(n), ("atoms", "k_points"))


def atoms_only(values: list[float]) -> FeatureGroup:
    return FeatureGroup("cost", np.array(values)[:, None], np.arange(len(values)), ("atoms",))


def boundary_space(**cost: object) -> GrainBoundarySpaceSpec:
    return GrainBoundarySpaceSpec.model_validate(
        {
            "crystal": {"structure": "fcc", "element": "Al", "lattice_parameter": 4.05},
            "boundaries": {"planes": [[1, 1, 3]]},
            "cost": cost,
        }
    )


@given(st.floats(0.0, 3.5), st.floats(0.2, 2.0), st.floats(-3.0, 6.0), st.integers(0, 2**16))
def test_level_and_exponents_of_any_descriptors_are_recovered(power, k_power, level, seed):
    rng = np.random.default_rng(seed)
    group = descriptors(rng)
    rows = np.log(group.values / [100.0, 1.0])
    times = np.exp(level + rows @ [power, k_power] + 0.05 * rng.normal(size=len(rows)))
    found = fit_cost(PRIOR, group, range(len(rows)), times)
    assert found.exponents["atoms"] == pytest.approx(power, abs=0.1)
    assert found.exponents["k_points"] == pytest.approx(k_power, abs=0.1)
    assert found.predict(group) == pytest.approx(times, rel=0.4)


@given(st.lists(st.floats(0.01, 1e4), min_size=1, max_size=20), st.integers(0, 2**16))
def test_predictions_for_what_was_measured_add_up_to_what_it_took(times, seed):
    group = descriptors(np.random.default_rng(seed), len(times))
    found = fit_cost(PRIOR, group, range(len(times)), times)
    assert found.predict(group).sum() == pytest.approx(sum(times))
    assert found.n_measured == len(times)


def test_one_size_alone_moves_the_level_and_leaves_the_exponent_to_the_prior():
    prior = CostPrior(1.0, {"atoms": 3.0}, {"atoms": 100.0})
    group = atoms_only([100.0, 200.0])
    found = fit_cost(prior, group, [0, 0, 0], [40.0, 40.0, 40.0])
    assert found.predict(group)[0] == pytest.approx(40.0, rel=0.05)
    assert found.predict(group)[1] == pytest.approx(40.0 * 2**3, rel=0.1)


def test_anchor_and_exponent_of_the_prior_matter_before_anything_was_measured():
    group = atoms_only([100.0, 200.0])
    model = CostModel.of_prior(CostPrior(7.0, {"atoms": 2.0}, {"atoms": 100.0}))
    np.testing.assert_allclose(model.predict(group), [7.0, 28.0])


def test_stored_and_read_again_predicts_the_same_bits():
    group = descriptors(np.random.default_rng(3))
    found = fit_cost(PRIOR, group, [4, 5, 9], [3.0, 1.0, 8.0])
    again = CostModel.from_json(json.loads(json.dumps(found.to_json())))
    np.testing.assert_array_equal(again.predict(group), found.predict(group))


def test_schedule_begins_with_enough_and_waits_for_growth():
    assert next(n for n in range(1, 9) if cost_due(n, [])) == LEAST_MEASURED
    due, fitted = [], []
    for n in range(1, 41):
        if cost_due(n, fitted):
            fitted.append(n)
            due.append(n)
    assert due == [3, 5, 8, 12, 18, 27]
    assert all(later >= GROWTH * earlier for earlier, later in pairwise(due))


def test_a_pool_is_priced_only_where_it_has_descriptors():
    pool = pool_of(2, cost_descriptors=atoms_only([100.0, 50.0]))
    model = CostModel.of_prior(CostPrior(2.0, {"atoms": 1.0}, {"atoms": 100.0}))
    np.testing.assert_allclose(priced(pool, model).cost, [2.0, 1.0])
    with pytest.raises(ConfigurationError, match="descriptors"):
        priced(pool_of(2), model)


def test_only_measured_spaces_learn():
    assert boundary_space(power=2.0).cost_prior() is None
    assert boundary_space(model="measured", power=2.0, anchor=5.0).cost_prior() == CostPrior(
        5.0, {"atoms": 2.0}, {"atoms": 100.0}
    )
    table = TableSpaceSpec.model_validate(
        {"candidates": "t.csv", "columns": {"id": "id", "value": "v"}, "features": {"x": {"columns": ["x"]}}}
    )
    assert not table.learns_cost
    assert boundary_space(model="measured").learns_cost


def test_kpoints_and_electrons_are_learned_where_the_pool_tells_them():
    assert boundary_space(model="measured", power=3.0, kpoint_density=4.0).cost_prior() == CostPrior(
        1.0, {"atoms": 3.0, "kpoints": 1.0}, {"atoms": 100.0, "kpoints": 10.0}
    )
    composition = CompositionSpaceSpec.model_validate({"parent": {"prototype": "tavorite"}, "cost": {"model": "measured"}})
    prior = composition.cost_prior()
    assert prior.exponents == {"atoms": 1.0, "electrons": 0.0}
    assert composition.learns_cost
    assert CompositionSpaceSpec.model_validate({"parent": {"prototype": "tavorite"}}).cost_prior() is None
    for cost in ({"anchor": 3.0}, {"power": 2.0}):
        with pytest.raises(ValidationError, match="measured"):
            CompositionSpaceSpec.model_validate({"parent": {"prototype": "tavorite"}, "cost": cost})
    with pytest.raises(ValidationError, match="kpoint_density"):
        boundary_space(kpoint_density=4.0)


def test_both_powers_of_a_dft_code_are_found():
    """Times that grow as atoms^2.6 kpoints^0.9, with noise, at numbers that are no line: both powers come out."""
    atoms = np.array([12.0, 16.0, 24.0, 36.0, 48.0, 24.0, 36.0, 12.0])
    kpoints = np.array([24.0, 15.0, 12.0, 8.0, 4.0, 4.0, 24.0, 6.0])
    descriptors = FeatureGroup("cost", np.column_stack((atoms, kpoints)), np.arange(8), ("atoms", "kpoints"))
    prior = boundary_space(model="measured", power=3.0, anchor=1.0, kpoint_density=4.0).cost_prior()
    times = 0.02 * atoms**2.6 * kpoints**0.9 * np.exp(np.random.default_rng(3).normal(scale=0.05, size=8))
    model = fit_cost(prior, descriptors, list(range(8)), times.tolist())
    assert model.exponents["atoms"] == pytest.approx(2.6, abs=0.2)
    assert model.exponents["kpoints"] == pytest.approx(0.9, abs=0.2)
    np.testing.assert_allclose(model.predict(descriptors), times, rtol=0.2)


def test_what_a_first_look_spared_says_nothing_of_what_a_computed_evaluation_costs():
    atoms = np.linspace(60.0, 240.0, 40)
    group = atoms_only(atoms.tolist())
    dear = 8.0 * (atoms / 100.0) ** 2
    entries = [
        # The large ones are spared more often: mixed with the others they would hide how cost grows.
        Entry(k + 1, k, 1.0, DONE, value=1.0, measured=0.2 if spared else dear[k], deviation=float(spared), spared=spared)
        for k, spared in enumerate(number % 3 != 0 and number > 12 for number in range(40))
    ]
    prior = CostPrior(1.0, {"atoms": 1.0}, {"atoms": 100.0})

    def learned(of: list[Entry]) -> np.ndarray:
        positions, costs = zip(*measured_costs(of, 40), strict=True)
        return fit_cost(prior, group, positions, costs).predict(group)

    assert learned(entries) == pytest.approx(dear, rel=0.05)
    mixed = learned([replace(one, spared=False) for one in entries])
    assert mixed[-1] < 0.5 * dear[-1]


@pytest.mark.parametrize(
    "change", [{"level": None}, {"level": "x"}, {"exponents": 3}, {"reference": {"a": []}}, {"n_measured": float("inf")}]
)
def test_a_damaged_stored_model_says_so(change):
    stored = CostModel(1.0, {"a": 2.0}, {"a": 3.0}).to_json()
    with pytest.raises(StoreError, match="a stored cost model is damaged"):
        CostModel.from_json(stored | change)
    for key in stored:
        with pytest.raises(StoreError, match="damaged"):
            CostModel.from_json({name: value for name, value in stored.items() if name != key})
