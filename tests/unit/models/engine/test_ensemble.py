import json

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from tansaku.models.domain.errors import FitError
from tansaku.models.domain.identifiers import proposal_rng
from tansaku.models.domain.ports import History
from tansaku.models.domain.specs.proposer import GPProposerSpec
from tansaku.models.engine.ensemble import (
    ENSEMBLE,
    MODELS,
    averaged,
    chosen_member,
    draw_ensemble,
    log_likelihood,
    members,
    mixture,
    weight_of,
)
from tansaku.models.engine.kernels import Constant, Scale, Stationary, expand
from tansaku.models.engine.likelihood import NOISE, LogNormal, LogPosterior
from tansaku.models.engine.proposer_registry import build_proposer

OBSERVED = np.array([3, 40, 60, 77, 100, 118])


def _history(pool, observed=OBSERVED, **more):
    group = pool.groups["translation"]
    x = group.values[group.index]
    values = 250.0 + 60.0 * np.sin(9.0 * x[:, 0]) * np.cos(3.0 * x[:, 1]) + 20.0 * pool.system_codes
    return History(observed, values[observed], **more)


def test_draws_have_the_posterior_distribution(bare_pool):
    """Variance of a constant and noise, of three values: against quadrature."""
    y = np.array([0.9, 1.3, 0.8])
    priors = {"a": LogNormal(np.array([0.3]), 1.5), NOISE: LogNormal(np.array([0.1]), 1.0)}
    density = LogPosterior(bare_pool, expand(Scale("a", Constant())), np.arange(3), y, priors)
    draws = draw_ensemble(density, density.centre, 1500, np.random.default_rng(0))
    a, noise = (np.linspace(c - 5 * w, c + 5 * w, 121) for c, w in zip(density.centre, density.width, strict=True))
    weights = np.array(
        [
            [
                multivariate_normal(cov=np.exp(p) + np.exp(q) * np.eye(3)).logpdf(y)
                - 0.5 * ((p - density.centre[0]) / density.width[0]) ** 2
                - 0.5 * ((q - density.centre[1]) / density.width[1]) ** 2
                for q in noise
            ]
            for p in a
        ]
    )
    weights = np.exp(weights - weights.max())
    weights /= weights.sum()
    for column, grid, marginal in ((0, a, weights.sum(axis=1)), (1, noise, weights.sum(axis=0))):
        mean = marginal @ grid
        deviation = np.sqrt(marginal @ (grid - mean) ** 2)
        assert draws[:, column].mean() == pytest.approx(mean, abs=0.15 * deviation)
        assert draws[:, column].std() == pytest.approx(deviation, rel=0.1)


def test_a_start_without_likelihood_is_a_fit_error(bare_pool):
    terms = expand(Scale("a", Stationary("x", "l")))
    priors = {"a": LogNormal(np.ones(1), 1.0), "l": LogNormal(np.ones(1), 1.0), NOISE: LogNormal(np.array([1e-30]), 0.1)}
    density = LogPosterior(bare_pool, terms, np.array([5, 11]), np.array([0.0, 1.0]), priors)
    assert log_likelihood(density, density.centre) == -np.inf
    with pytest.raises(FitError, match="start"):
        draw_ensemble(density, density.centre, 2, np.random.default_rng(0))


def test_the_value_alone_is_the_likelihoods(scattered_pool):
    terms = expand(Scale("a", Stationary("place", "l", ard=True)))
    rng = np.random.default_rng(1)
    priors = {"a": LogNormal(np.ones(1), 1.0), "l": LogNormal(np.ones(2), 1.0), NOISE: LogNormal(np.array([0.1]), 1.0)}
    density = LogPosterior(scattered_pool, terms, rng.permutation(60)[:9], rng.normal(size=9), priors)
    assert density.value(density.centre) == density.likelihood(density.centre)[0]


def test_a_refit_without_an_ensemble_is_its_own_member():
    assert members(None) == [None]
    plain = {"parameters": {"a": [1.0]}, "n_observed": 3}
    assert members(plain) == [plain]
    split = members({**plain, ENSEMBLE: [{"a": [2.0]}, {"a": [3.0]}]})
    assert split == [{"parameters": {"a": [2.0]}, "n_observed": 3}, {"parameters": {"a": [3.0]}, "n_observed": 3}]


def test_models_of_different_kernels_are_members_with_their_weights():
    models = [{"kernel": place, "weight": weight, "parameters": {"a": [2.0]}} for place, weight in enumerate((0.3, 0.7))]
    split = members({"parameters": {"a": [1.0]}, "n_observed": 3, MODELS: models})
    assert split == [{"n_observed": 3, **model} for model in models]
    assert [weight_of(member) for member in split] == [0.3, 0.7]
    assert weight_of(None) == weight_of({"parameters": {}}) == 1.0


@pytest.mark.parametrize("weights", [(1.0, 1.0), (0.2, 0.6), (0.0, 1.0)])
def test_logarithms_are_averaged_as_what_they_stand_for(weights):
    parts = np.array([[1.0, 2.0, 1e-3], [3.0, 1.0, 5.0]])
    plain, _ = averaged([(row, False) for row in parts], weights)
    logs, logarithmic = averaged([(np.log(row), True) for row in parts], weights)
    assert logarithmic
    assert np.allclose(np.exp(logs), plain)
    assert np.allclose(plain, np.average(parts, axis=0, weights=weights))


@pytest.mark.parametrize("weights", [(1.0, 1.0, 1.0), (0.1, 0.6, 0.3)])
def test_moments_of_a_mixture_are_those_of_its_draws(weights):
    rng = np.random.default_rng(2)
    parts = [(0.0, 1.0), (3.0, 0.5), (-1.0, 2.0)]
    counts = (np.array(weights) / sum(weights) * 600_000).astype(int)
    draws = np.concatenate([rng.normal(*part, count) for part, count in zip(parts, counts, strict=True)])
    mean, deviation = mixture(parts, weights)
    assert mean == pytest.approx(draws.mean(), abs=0.02)
    assert deviation == pytest.approx(draws.std(), rel=0.01)
    assert mixture(parts[:1], weights[:1]) == parts[0]


def test_samples_come_from_the_members_by_their_weights():
    rng = np.random.default_rng(0)
    chosen = [chosen_member([{"weight": 0.2}, {"weight": 0.8}], rng).start for _ in range(2000)]
    assert np.mean(chosen) == pytest.approx(0.8, abs=0.04)
    assert chosen_member([None], rng) == slice(0, 1)


def test_a_fit_keeps_its_members_as_plain_data_and_repeats_itself(grid_pool):
    spec = GPProposerSpec(hyperparameters="bayes", members=3)
    fitted = build_proposer(spec).fit(grid_pool, _history(grid_pool), None)
    assert json.loads(json.dumps(fitted)) == fitted
    assert build_proposer(spec).fit(grid_pool, _history(grid_pool), None) == fitted
    assert len(fitted[ENSEMBLE]) == 3
    assert len({json.dumps(one) for one in fitted[ENSEMBLE]}) == 3
    assert all(one.keys() == fitted["parameters"].keys() for one in fitted[ENSEMBLE])


def test_with_more_observations_than_stated_there_is_no_ensemble(grid_pool):
    few, many = (GPProposerSpec(hyperparameters="bayes", members=2, bayes_until=n) for n in (6, 5))
    assert ENSEMBLE in build_proposer(few).fit(grid_pool, _history(grid_pool), None)
    plain = build_proposer(GPProposerSpec()).fit(grid_pool, _history(grid_pool), None)
    assert build_proposer(many).fit(grid_pool, _history(grid_pool), None) == plain


@pytest.mark.parametrize("acquisition", ["ei", "log_ei", "thompson"])
def test_members_change_the_choice_and_a_single_one_does_not(grid_pool, acquisition):
    spec = GPProposerSpec(hyperparameters="bayes", members=4, acquisition=acquisition)
    fitted = build_proposer(spec).fit(grid_pool, _history(grid_pool), None)

    def choice(hyperparameters):
        return build_proposer(spec).propose(grid_pool, _history(grid_pool), 20, proposal_rng(0, 20), hyperparameters)

    plain = {name: value for name, value in fitted.items() if name != ENSEMBLE}
    assert choice(fitted).mean != choice(plain).mean
    assert choice({**plain, ENSEMBLE: [plain["parameters"]]}) == choice(plain)


def test_the_acquisition_is_the_mean_over_members(grid_pool):
    spec = GPProposerSpec(hyperparameters="bayes", members=3)
    fitted = build_proposer(spec).fit(grid_pool, _history(grid_pool), None)
    history = _history(grid_pool)
    chosen = build_proposer(spec).propose(grid_pool, history, 20, proposal_rng(0, 20), fitted)
    others = np.setdiff1d(np.arange(len(grid_pool)), chosen.position)
    forced = _history(grid_pool, unavailable=np.setdiff1d(others, history.observed))
    alone = [
        build_proposer(spec).propose(grid_pool, forced, 20, proposal_rng(0, 20), one).acquisition for one in members(fitted)
    ]
    assert chosen.acquisition == pytest.approx(np.mean(alone), rel=1e-9)
