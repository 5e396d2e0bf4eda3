"""The engines for few evaluations: start, priors, refits, averages, and what is done while a model knows nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from math import exp, log, sqrt

import numpy as np
import pytest
from pydantic import ValidationError
from scipy.stats import norm

from tansaku.models.domain.identifiers import proposal_rng
from tansaku.models.domain.outlook import UNCLEAR
from tansaku.models.domain.pool import FeatureGroup
from tansaku.models.domain.ports import History
from tansaku.models.domain.specs.proposer import GPProposerSpec
from tansaku.models.engine.acquisition import expected_improvement
from tansaku.models.engine.goals import Goal
from tansaku.models.engine.gp import GPProposer
from tansaku.models.engine.initial import farthest, representative
from tansaku.models.engine.kernels import Stationary, coordinates, covariance, expand
from tansaku.models.engine.map_fit import default_priors, observed_posterior
from tansaku.models.engine.presets import ENGINES, PRESETS, build_kernel, described, model_kernel, settings
from tansaku.models.engine.priors import NARROW, WEAK
from tests.support.pools import pool_of

FEW = GPProposerSpec(engine=2)
AVERAGED = GPProposerSpec(engine=3)
EQUAL = GPProposerSpec(engine=4)
RANKED = GPProposerSpec(engine=5)


@pytest.fixture
def pool():
    """Sixty experiments: two numbers of very different size, one of two solvents, and a code."""
    rng = np.random.default_rng(3)
    numbers = np.stack([rng.uniform(20.0, 80.0, 60), rng.uniform(0.0, 0.01, 60)], axis=1)
    every = np.arange(60)
    return pool_of(
        60,
        FeatureGroup("numbers", numbers, every, ("heat", "time")),
        FeatureGroup("solvent", np.eye(3), every % 3, ("a", "b", "c")),
        FeatureGroup("code", np.array([[1.0], [7.0]]), every % 2, ("code",), categorical=True),
    )


def known(pool, positions, values=None):
    positions = np.asarray(positions, dtype=np.intp)
    heat = pool.groups["numbers"].values[positions, 0]
    return History(positions, np.square(heat / 60.0 - 0.8) if values is None else np.asarray(values, dtype=float))


def test_other_campaigns_choose_as_before():
    assert settings(GPProposerSpec()) == settings(GPProposerSpec(engine=1)) == PRESETS["default"]
    assert settings(FEW) == ENGINES[2]
    assert settings(AVERAGED) == ENGINES[3]
    assert settings(EQUAL) == ENGINES[4]
    assert settings(RANKED) == ENGINES[5]
    assert settings(GPProposerSpec(engine=2, cost_exponent=1.0, initial_points=5)).cost_exponent == 1.0
    for number in ENGINES:
        with pytest.raises(ValidationError, match=f"engine: {number} has the preset default alone, not obo"):
            GPProposerSpec(engine=number, preset="obo")


def test_cost_has_no_effect(pool):
    expensive = pool_of(np.linspace(1.0, 50.0, 60), *pool.groups.values())
    history = known(pool, [0, 5, 10, 20])
    chosen = []
    for candidates in (pool, expensive):
        proposer = GPProposer(settings(FEW))
        chosen.append(proposer.propose(candidates, history, 6, proposal_rng(0, 6), proposer.fit(candidates, history, None)))
    assert chosen[0].position == chosen[1].position


def test_the_first_candidate_is_random_and_the_next_are_far_away(pool):
    proposer = GPProposer(settings(FEW, Goal("top_k", 1)))
    assert proposer.initial_count(pool) == 3
    firsts = set()
    for seed in range(8):
        taken: list[int] = []
        for number in (1, 2, 3):
            history = History(np.empty(0, np.intp), np.empty(0), pending=np.array(taken, dtype=np.intp))
            choice = proposer.propose(pool, history, number, proposal_rng(seed, number))
            assert choice.initial
            taken.append(choice.position)
        firsts.add(taken[0])
        assert len(set(pool.groups["solvent"].index[taken])) == 3
    assert len(firsts) > 4


def test_a_representative_start_is_where_candidates_are_and_not_in_corners():
    """Mixtures of three components: the pure ones are the farthest from all."""
    steps = [(a, b, 10 - a - b) for a in range(11) for b in range(11 - a)]
    rows = np.array(steps, dtype=float) / 10.0
    mixtures = pool_of(len(rows), FeatureGroup("mixture", rows, np.arange(len(rows)), ("a", "b", "c")))
    pure = set(np.flatnonzero((rows == 1.0).any(axis=1)).tolist())
    for design, wanted in (("spread", True), ("representative", False)):
        proposer = GPProposer(settings(GPProposerSpec(engine=3, initial=design), Goal("top_k", 1)))
        first = int(np.flatnonzero((rows == [0.3, 0.3, 0.4]).all(axis=1))[0])
        taken = [first]
        for number in (2, 3):
            history = History(np.empty(0, np.intp), np.empty(0), pending=np.array(taken, dtype=np.intp))
            taken.append(proposer.propose(mixtures, history, number, proposal_rng(0, number)).position)
        assert bool(pure & set(taken)) is wanted
        apart = np.linalg.norm(rows[:, None] - rows[taken], axis=2).min(axis=1).mean()
        assert (apart < 0.21) is not wanted


def test_representative_candidates_of_a_large_pool_are_sought_in_a_part_of_it():
    """One candidate in 500 has neighbours; the part is drawn with the number's own random stream."""
    every = np.arange(3000)
    pool = pool_of(3000, FeatureGroup("x", np.sort(np.random.default_rng(0).normal(size=(3000, 1)), axis=0), every, ("x",)))
    allowed = np.ones(3000, dtype=bool)
    allowed[1500:] = False
    found = [representative(pool, allowed, np.array([2999]), proposal_rng(0, number)) for number in (2, 2, 3)]
    assert found[0] == found[1] != found[2]
    assert np.abs(np.array(found) - 750).max() < 60


def test_columns_count_in_units_of_their_ranges_and_categories_as_one_range():
    every = np.arange(4)
    rows = np.array([[0.0, 0.0], [900.0, 0.0], [0.0, 1.0], [1000.0, 0.4]])
    numbers = FeatureGroup("numbers", rows, every, ("wide", "narrow"))
    pool = pool_of(4, numbers)
    allowed = np.ones(4, dtype=bool)
    assert farthest(pool, allowed, np.array([0])) == 3  # 1 + 0.16; the last but one 1
    allowed[3] = False
    assert farthest(pool, allowed, np.array([0])) == 2
    one_hot = FeatureGroup("solvent", np.eye(2), np.array([0, 1, 0, 0]), ("a", "b"))
    codes = FeatureGroup("code", np.array([[3.0], [9.0]]), np.array([0, 1, 0, 0]), ("code",), categorical=True)
    for group in (one_hot, codes):
        assert farthest(pool_of(4, numbers, group), np.ones(4, dtype=bool), np.array([0])) == 1  # 0.81 + 1


@pytest.mark.parametrize(("kernel", "shortest", "width"), [("medium", 0.5, 0.5), ("broad", exp(sqrt(2.0)), sqrt(3.0))])
def test_lengthscales_are_expected_to_grow_with_the_number_of_columns(pool, kernel, shortest, width):
    terms = expand(build_kernel(kernel, pool))
    factors = {factor.group: factor for term in terms for factor in term.factors if isinstance(factor, Stationary)}
    priors = default_priors(pool, terms, NARROW)
    centre = log(shortest) + 0.5 * log(4.0)  # two numbers, a solvent, a code
    for name, unit in (("numbers", pool.groups["numbers"].ranges), ("solvent", [sqrt(2.0)]), ("code", [1.0])):
        prior = priors[factors[name].lengthscale]
        assert np.log(prior.centre / np.asarray(unit)) == pytest.approx(centre)
        assert prior.width == pytest.approx(width)
    assert (priors["noise"].centre, priors["noise"].width) == (0.03, 1.0)


def test_only_variances_of_parts_that_are_added_have_narrower_priors(pool):
    widths = [
        {
            prior.width
            for name, prior in default_priors(pool, expand(build_kernel(kernel, pool)), priors).items()
            if "variance" in name
        }
        for kernel, priors in (("additive", WEAK), ("additive", NARROW), ("medium", NARROW))
    ]
    assert widths == [{1.5}, {0.7}, {1.5}]


def test_it_is_fitted_after_each_value_up_to_a_hundred(pool):
    proposer = GPProposer(settings(FEW))
    assert proposer.refit_due(4, [3])
    assert not proposer.refit_due(4, [3, 4])
    assert proposer.refit_due(100, [99])
    assert not proposer.refit_due(101, [100])
    assert proposer.refit_due(120, [100])


def test_while_the_model_explains_nothing_every_second_candidate_is_far_away(pool):
    order = np.random.default_rng(0).permutation(60)[:12]
    noise = np.random.default_rng(1).normal(size=12)
    proposer = GPProposer(settings(FEW))
    heat = pool.groups["numbers"].values[order, 0]
    for values, unclear in ((heat, False), (noise, True)):
        history = known(pool, order, values)
        # Through JSON, as a store keeps it.
        fitted = json.loads(json.dumps(proposer.fit(pool, history, None)))
        assert fitted[UNCLEAR] is unclear
        choices = [proposer.propose(pool, history, number, proposal_rng(0, number), fitted) for number in (13, 14)]
        allowed = np.ones(60, dtype=bool)
        allowed[order] = False
        assert (choices[0].position == farthest(pool, allowed, order)) is unclear
        assert (choices[0].acquisition is None) is unclear
        assert choices[1].acquisition is not None


def test_a_value_left_out_is_predicted_by_the_others(pool):
    """The shortcut agrees with a fit without the value at the same hyper-parameters."""
    terms = expand(build_kernel("broad", pool))
    positions, targets = np.array([0, 5, 10, 20, 31]), np.array([0.3, -1.0, 0.8, 1.2, -0.4])
    density = observed_posterior(pool, terms, positions, targets)
    parameters = density.unpack(density.centre)
    matrix = covariance(terms, pool, parameters, positions, positions) + float(parameters["noise"][0]) * np.eye(5)
    for i, miss in enumerate(density.misses(density.centre)):
        others = np.delete(np.arange(5), i)
        mean = matrix[i, others] @ np.linalg.solve(matrix[np.ix_(others, others)], targets[others])
        assert miss == pytest.approx(targets[i] - mean)


def test_models_are_averaged_by_how_well_they_predict_values_that_they_were_not_given(pool):
    order = np.random.default_rng(0).permutation(60)[:16]
    proposer = GPProposer(settings(AVERAGED))
    few, many = (proposer.fit(pool, known(pool, order[:count]), None)["models"] for count in (2, 16))
    assert [[model["kernel"] for model in models] for models in (few, many)] == [[0, 1], [0, 1]]
    assert all(sum(model["weight"] for model in models) == pytest.approx(1.0) for models in (few, many))
    assert all(0.2 < model["weight"] < 0.8 for model in few)
    history, fitted = known(pool, order), json.loads(json.dumps(proposer.fit(pool, known(pool, order), None)))
    choice = proposer.propose(pool, history, 17, proposal_rng(0, 17), fitted)
    predictions = proposer.predictions(pool, history, fitted)
    assert [prediction.weight for prediction in predictions] == [model["weight"] for model in many]
    gains = [
        expected_improvement(
            item.mean * item.state.scale + item.state.centre[0],
            item.deviation * item.state.scale,
            np.full(60, history.values.min()),
        )
        for item in predictions
    ]
    averaged = np.average(gains, axis=0, weights=[model["weight"] for model in many])
    averaged[order] = 0.0
    assert choice.position == int(np.argmax(averaged))
    assert choice.acquisition == pytest.approx(float(averaged.max()))


def test_the_weights_follow_from_the_density_of_each_value_by_the_others(pool):
    terms = expand(build_kernel("broad", pool))
    positions, targets = np.array([0, 5, 10, 20, 31]), np.array([0.3, -1.0, 0.8, 1.2, -0.4])
    density = observed_posterior(pool, terms, positions, targets)
    parameters = density.unpack(density.centre)
    matrix = covariance(terms, pool, parameters, positions, positions) + float(parameters["noise"][0]) * np.eye(5)
    total = 0.0
    for i in range(5):
        others = np.delete(np.arange(5), i)
        weights = np.linalg.solve(matrix[np.ix_(others, others)], matrix[others, i])
        variance = matrix[i, i] - weights @ matrix[others, i]
        total += norm.logpdf(targets[i], weights @ targets[others], np.sqrt(variance))
    assert density.left_out(density.centre) == pytest.approx(total)


@pytest.mark.parametrize("change", [{"kernel": {"type": "rbf"}}, {"hyperparameters": "median"}, {"hyperparameters": "bayes"}])
def test_another_kernel_or_rule_has_no_further_model(change):
    for engine, further in ((3, ("broad",)), (4, ("medium", "broad")), (5, ("medium", "broad"))):
        assert settings(GPProposerSpec.model_validate({"engine": engine} | change)).also == ()
        assert settings(GPProposerSpec(engine=engine)).also == further
    own = settings(GPProposerSpec.model_validate({"engine": 5, "kernel": {"type": "rbf"}}))
    assert "rank" not in described(own)


def test_three_models_have_equal_weights_and_a_noise_that_is_not_small(pool):
    order = np.random.default_rng(0).permutation(60)[:16]
    models = GPProposer(settings(EQUAL)).fit(pool, known(pool, order), None)["models"]
    assert [(model["kernel"], model["weight"]) for model in models] == [(place, 1.0 / 3.0) for place in range(3)]
    before = GPProposer(settings(AVERAGED)).fit(pool, known(pool, order), None)["models"]
    assert models[0]["parameters"]["noise"][0] > 10.0 * before[0]["parameters"]["noise"][0]


def test_numbers_are_compared_by_rank_too_and_categories_are_not(pool):
    """Of eight candidates, five lie in a hundredth of the range."""
    heat = np.array([[0.0], [1.0], [50.0], [50.2], [50.4], [50.4], [50.6], [100.0]])
    uneven = pool_of(8, FeatureGroup("heat", heat, np.arange(8), ("heat",)))
    ranks = np.array([0, 1, 2, 3, 4.5, 4.5, 6, 7]) / 7.0
    factors = {
        name: {item for term in expand(model_kernel(settings(spec), uneven)) for item in term.factors}
        for name, spec in (("equal", EQUAL), ("ranked", RANKED))
    }
    assert {item.metric for item in factors["equal"]} == {"plain"}
    (ranked,) = factors["ranked"]
    assert coordinates(ranked, uneven)[:, 0] == pytest.approx(0.8 * ranks + 0.2 * heat[:, 0] / 100.0)
    kinds = {
        item.group: item.metric
        for name in ("additive", "medium", "broad")
        for term in expand(model_kernel(replace(settings(RANKED), kernel=name), pool))
        for item in term.factors
    }
    assert kinds == {"numbers": "ranked", "solvent": "plain", "code": "overlap"}


def test_ranks_follow_the_candidates_and_not_the_distinct_rows():
    group = FeatureGroup("x", np.array([[3.0, 5.0], [1.0, 5.0], [2.0, 5.0]]), np.array([0, 1, 1, 1, 2]), ("x", "same"))
    assert group.ranks[:, 0] == pytest.approx(np.array([3.0, 0.0, 2.0]) / 3.0)
    assert not group.ranks[:, 1].any()


def test_points_that_are_asked_about_change_no_ranks_and_no_ranges():
    own = pool_of(3, FeatureGroup("x", np.array([[1.0], [2.0], [4.0]]), np.arange(3), ("x",)))
    wider = pool_of(5, FeatureGroup("x", np.array([[1.0], [2.0], [3.0], [4.0], [9.0]]), np.arange(5), ("x",)))
    group = wider.with_scales_of(own).groups["x"]
    assert group.ranks[:, 0] == pytest.approx([0.0, 0.5, 0.75, 1.0, 1.0])
    assert (group.ranges.tolist(), group.middle.tolist()) == ([3.0], [2.5])


def test_check_says_how_it_chooses():
    assert described(settings(FEW)) == "long lengthscales, fitted after each value up to 100; cost is ignored"
    assert described(settings(AVERAGED)) == (
        "two models averaged by how well they predict, fitted after each value up to 100; cost is ignored"
    )
    assert described(settings(EQUAL)) == "three models averaged equally, fitted after each value up to 100; cost is ignored"
    assert described(settings(RANKED)).startswith("three models averaged equally, numbers also by rank, fitted after each")
