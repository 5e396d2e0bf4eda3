"""The model behind ``posterior`` and ``joint`` against GPyTorch: a Hadamard multi-task process with a positive task matrix."""

from __future__ import annotations

import numpy as np
import pytest

from tansaku.models.domain.pool import CandidatePool, FeatureGroup
from tansaku.models.engine.kernels import expand
from tansaku.models.engine.likelihood import NOISE, LogPosterior
from tansaku.models.engine.posterior import PoolPosterior
from tansaku.models.engine.presets import build_kernel
from tansaku.models.engine.transfer.data import observed_source
from tansaku.models.engine.transfer.extended import COUPLING, SHIFT, correlations, coupled, extend
from tansaku.models.engine.transfer.modes import priors
from tansaku.models.engine.transforms import OutputTransform
from tests.support.pools import pool_of

NOISE_VARIANCE = 0.02
LENGTHS = (0.9, 2.5)


def _pool(n: int, seed: int) -> CandidatePool:
    rng = np.random.default_rng(seed)
    return pool_of(
        n,
        FeatureGroup("a", rng.normal(size=(n, 2)), np.arange(n), ("u", "v")),
        FeatureGroup("b", rng.normal(size=(5, 1)), np.arange(n) % 5, ("w",)),
    )


@pytest.fixture(scope="module")
def problem():
    rng = np.random.default_rng(2)
    target, one, two = _pool(20, 0), _pool(14, 1), _pool(11, 2)
    sources = [
        observed_source(name, pool, np.arange(len(pool)), rng.normal(size=len(pool)), "minimize", 99)
        for name, pool in (("one", one), ("two", two))
    ]
    extended = extend(target, sources, OutputTransform())
    terms = expand(coupled(build_kernel("product", target)))
    parameters = {name: prior.centre for name, prior in priors(extended, terms).items()}
    parameters |= {COUPLING: np.array(LENGTHS), SHIFT: np.array([0.7]), NOISE: np.array([NOISE_VARIANCE])}
    parameters["variance"] = np.array([1.3])
    observed = np.array([2, 5, 6, 11, 17])
    points = np.concatenate([extended.positions, observed])
    targets = np.concatenate([extended.targets, rng.normal(size=5)])
    return extended, terms, parameters, points, targets


def _reference(problem):
    import gpytorch
    import torch
    from linear_operator import to_linear_operator

    extended, _, parameters, points, targets = problem
    pool = extended.pool
    a, b = pool.groups["a"], pool.groups["b"]
    x = torch.tensor(np.column_stack([a.values[a.index], b.values[b.index]]))
    task = torch.tensor(np.repeat([0, 1, 2], [20, 14, 11]))[:, None]
    c = correlations(np.array(LENGTHS))
    near = []
    for columns, name in (((0, 1), "a"), ((2,), "b")):
        kernel = gpytorch.kernels.RBFKernel(active_dims=columns).double()
        kernel.lengthscale = torch.tensor(parameters[f"{name}.lengthscale"])
        near.append(kernel)
    scaled = gpytorch.kernels.ScaleKernel(near[0] * near[1]).double()
    scaled.outputscale = torch.tensor(parameters["variance"][0])
    between = gpytorch.kernels.IndexKernel(num_tasks=3, rank=1).double()
    between.initialize(covar_factor=torch.tensor([[1.0], [c[0]], [c[1]]], dtype=torch.float64))
    between.var = torch.tensor([1e-12, 1 - c[0] ** 2, 1 - c[1] ** 2], dtype=torch.float64)
    mean = gpytorch.kernels.IndexKernel(num_tasks=3, rank=1).double()
    mean.initialize(covar_factor=torch.zeros(3, 1, dtype=torch.float64))
    mean.var = torch.full((3,), float(parameters[SHIFT][0]), dtype=torch.float64)

    class Model(gpytorch.models.ExactGP):
        def __init__(self, likelihood):
            super().__init__((x[points], task[points]), torch.tensor(targets), likelihood)
            self.mean_module = gpytorch.means.ZeroMean()
            self.parts = torch.nn.ModuleList([scaled, between, mean])

        def forward(self, where, which):
            # As a dense product: a lazy one is taken from approximate roots.
            total = scaled(where).to_dense() * between(which).to_dense() + mean(which).to_dense()
            return gpytorch.distributions.MultivariateNormal(self.mean_module(where), to_linear_operator(total))

    likelihood = gpytorch.likelihoods.GaussianLikelihood().double()
    likelihood.noise = torch.tensor(NOISE_VARIANCE, dtype=torch.float64)
    model = Model(likelihood).double()
    return model, likelihood, (x, task)


def test_posterior_conditions_on_both(problem, require):
    require("gpytorch")
    import gpytorch
    import torch

    extended, terms, parameters, points, targets = problem
    model, _, (x, task) = _reference(problem)
    model.eval()
    with torch.no_grad(), gpytorch.settings.fast_computations(False, False, False):
        expected = model(x[:20], task[:20])
        mean, variance = expected.mean.numpy(), expected.variance.numpy()
    posterior = PoolPosterior(extended.pool, terms, parameters, NOISE_VARIANCE)
    posterior.start(points[:27].tolist())
    found = posterior.predict(points[27:].tolist(), [], targets, np.ones(len(targets), dtype=bool))
    assert np.allclose(found[0][:20], mean, rtol=0, atol=1e-8)
    assert np.allclose(found[1][:20], variance, rtol=0, atol=1e-8)


def test_likelihood_of_all_observations(problem, require):
    require("gpytorch")
    import gpytorch
    import torch

    extended, terms, parameters, points, targets = problem
    model, likelihood, (x, task) = _reference(problem)
    model.train()
    with torch.no_grad(), gpytorch.settings.fast_computations(False, False, False):
        total = gpytorch.mlls.ExactMarginalLogLikelihood(likelihood, model)(
            model(x[points], task[points]), torch.tensor(targets)
        )
    density = LogPosterior(extended.pool, terms, points, targets, priors(extended, terms))
    found, _ = density.likelihood(density.pack(parameters))
    assert found == pytest.approx(float(total) * len(points), abs=1e-7)


def test_without_correlation_the_sources_change_nothing(problem):
    extended, terms, parameters, points, targets = problem
    alone = {**parameters, COUPLING: np.array([0.02, 0.02])}
    means = []
    for values in (targets, np.concatenate([5.0 * targets[:25], targets[25:]])):
        posterior = PoolPosterior(extended.pool, terms, alone, NOISE_VARIANCE)
        posterior.start(points.tolist())
        means.append(posterior.predict([], [], values, np.ones(30, dtype=bool))[0][:20])
    assert np.array_equal(means[0], means[1])
    coupled_ = PoolPosterior(extended.pool, terms, replace_length(parameters, 50.0), NOISE_VARIANCE)
    coupled_.start(points.tolist())
    assert not np.allclose(coupled_.predict([], [], targets, np.ones(30, dtype=bool))[0][:20], means[0], atol=0.01)


def replace_length(parameters, length):
    return {**parameters, COUPLING: np.full(2, length)}
