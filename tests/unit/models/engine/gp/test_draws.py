import numpy as np
import pytest

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.ports import History
from tansaku.models.domain.specs.proposer import GPProposerSpec
from tansaku.models.engine import gp
from tansaku.models.engine.gp import GPProposer, PriorDraws
from tansaku.models.engine.kernels import covariance, expand
from tansaku.models.engine.map_fit import default_priors
from tansaku.models.engine.presets import build_kernel, settings
from tansaku.models.engine.transforms import OutputTransform


@pytest.mark.parametrize("kernel", ["additive", "product", "per-system"])
def test_draws_have_the_kernels_covariance(any_pool, kernel):
    terms = expand(build_kernel(kernel, any_pool))
    parameters = {name: prior.centre for name, prior in default_priors(any_pool, terms).items()}
    drawn = PriorDraws(any_pool, terms, parameters, 0.01)
    rng = np.random.default_rng(0)
    sample = np.array([drawn.latent(rng) for _ in range(2000)])
    everything = np.arange(len(any_pool))
    expected = covariance(terms, any_pool, parameters, everything, everything) + 0.01 * np.eye(len(any_pool))
    scale = expected.diagonal().max()
    assert np.abs(sample.mean(axis=0)).max() < 0.13 * np.sqrt(scale)
    np.testing.assert_allclose(np.cov(sample.T), expected, atol=0.16 * scale)


def test_a_landscape_has_the_deviation_it_is_scaled_by_whatever_the_kernel_adds_up_to(any_pool):
    for kernel in ("additive", "product"):
        terms = expand(build_kernel(kernel, any_pool))
        parameters = {name: prior.centre for name, prior in default_priors(any_pool, terms).items()}
        drawn = PriorDraws(any_pool, terms, parameters, 0.01).draw(np.random.default_rng(1))
        assert (drawn.mean(), drawn.std()) == (pytest.approx(0.0, abs=1e-12), pytest.approx(1.0))


def test_what_the_model_compresses_is_stretched_again(grid_pool):
    terms = expand(build_kernel("additive", grid_pool))
    parameters = {name: prior.centre for name, prior in default_priors(grid_pool, terms).items()}
    transform = OutputTransform(compress=0.7)
    drawn = PriorDraws(grid_pool, terms, parameters, 0.01, transform)
    plain = PriorDraws(grid_pool, terms, parameters, 0.01)
    for seed in range(5):
        values, latent = drawn.draw(np.random.default_rng(seed)), plain.draw(np.random.default_rng(seed))
        assert (np.argsort(values) == np.argsort(latent)).all()
        # Compressed as an objective is, they are the draw of what is modelled, up to shift and scale.
        again = transform.fit(values, grid_pool.system_codes, 3).forward(values, grid_pool.system_codes)
        np.testing.assert_allclose((again - again.mean()) / again.std(), latent, atol=2e-3)
        assert values.max() - np.median(values) > latent.max() - np.median(latent)
        assert np.median(values) - values.min() < np.median(latent) - latent.min()


def test_draws_repeat_with_the_stream(grid_pool):
    drawn = GPProposer(settings(GPProposerSpec())).prior_draws(grid_pool)
    first, second = (drawn.draw(np.random.default_rng(7)) for _ in range(2))
    assert first.tolist() == second.tolist()
    assert first.tolist() != drawn.draw(np.random.default_rng(8)).tolist()


def test_pools_too_large_to_be_drawn_say_so(grid_pool, scattered_pool, monkeypatch):
    monkeypatch.setattr(gp, "DENSE", 10)
    monkeypatch.setattr(gp, "GRID", 10)
    proposer = GPProposer(settings(GPProposerSpec()))
    with pytest.raises(ConfigurationError, match="60 candidates on surfaces without a common grid are too many to sample"):
        proposer.prior_draws(scattered_pool)
    with pytest.raises(ConfigurationError, match="a grid of 24 points, expected at most 10"):
        proposer.prior_draws(grid_pool)


def test_a_model_is_drawn_with_what_it_has_learned_or_not_at_all(grid_pool, scattered_pool):
    proposer = GPProposer(settings(GPProposerSpec()))
    observed = np.arange(0, 120, 3)
    fitted = proposer.fit(grid_pool, History(observed, np.sin(observed.astype(float))), None)
    learned, plain = (proposer.prior_draws(grid_pool, given).draw(np.random.default_rng(0)) for given in (fitted, None))
    assert not np.allclose(learned, plain)
    with pytest.raises(ConfigurationError, match="its features differ"):
        GPProposer(settings(GPProposerSpec())).prior_draws(scattered_pool, fitted)
