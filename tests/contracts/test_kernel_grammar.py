"""Every kernel a campaign file can compose, against GPyTorch and BoTorch: covariance, likelihood, its gradient, posterior."""

from __future__ import annotations

import warnings
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from tansaku.models.domain.pool import CandidatePool, FeatureGroup
from tansaku.models.domain.specs.kernel import KernelSpec
from tansaku.models.engine.cross import CachedRows, SharedGrid, cross_covariance, grid_layout
from tansaku.models.engine.grammar import compile_kernel
from tansaku.models.engine.kernels import (
    Constant,
    Linear,
    Product,
    Same,
    Scale,
    Stationary,
    Sum,
    Task,
    covariance,
    expand,
    prior_variance,
)
from tansaku.models.engine.likelihood import NOISE, LogPosterior
from tansaku.models.engine.map_fit import default_priors
from tansaku.models.engine.posterior import PoolPosterior

SPEC: TypeAdapter = TypeAdapter(KernelSpec)
GROUPS = ("place", "site", "kind")


def _pool(shared: bool) -> CandidatePool:
    """Four surfaces of three systems, on one grid of places or each candidate at its own; ``kind`` has categories."""
    rng = np.random.default_rng(3)
    grid = np.array([(x, y) for x in (0.0, 0.3, 0.7) for y in (0.0, 2.0, 5.0)])
    surface = np.repeat(np.arange(4), len(grid))
    owner = np.array([0, 0, 1, 2])
    n = len(surface)
    place = FeatureGroup("place", grid, np.tile(np.arange(len(grid)), 4), ("x", "y"))
    if not shared:
        place = FeatureGroup("place", grid[place.index] + 0.05 * rng.normal(size=(n, 2)), np.arange(n), ("x", "y"))
    return CandidatePool(
        ids=np.array([f"c{i:02d}" for i in range(n)]),
        systems=("a", "b", "c"),
        system_codes=owner[surface],
        surfaces=("a0", "a1", "b0", "c0"),
        surface_codes=surface,
        groups={
            "place": place,
            "site": FeatureGroup(
                "site", rng.normal(size=(4, 9)) * np.logspace(-1, 1, 9), surface, tuple(f"s{i}" for i in range(9))
            ),
            "kind": FeatureGroup(
                "kind", np.array([[0.0, 1.0, 2.0], [0.0, 2.0, 2.0], [1.0, 2.0, 0.0]]), owner[surface], ("p", "q", "r")
            ),
        },
        cost=np.ones(n),
    )


POOLS = {True: _pool(True), False: _pool(False)}

_over = st.one_of(
    st.sampled_from([*GROUPS, "*", "*i*"]), st.lists(st.sampled_from(GROUPS), min_size=1, max_size=3, unique=True)
)
_maybe = st.sampled_from([None, True, False])
_combine = st.sampled_from(["product", "sum"])
_of = st.sampled_from(["system", "surface", "kind"])
_leaf = st.one_of(
    st.fixed_dictionaries(
        {"type": st.sampled_from(["rbf", "matern12", "matern32", "matern52"]), "over": _over},
        optional={"ard": _maybe, "normalise": st.booleans(), "combine": _combine},
    ),
    st.fixed_dictionaries(
        {"type": st.just("periodic"), "over": _over, "period": st.floats(0.5, 9.0)}, optional={"ard": _maybe}
    ),
    st.fixed_dictionaries({"type": st.just("categorical"), "over": st.just("kind")}, optional={"ard": _maybe}),
    st.fixed_dictionaries({"type": st.just("same"), "of": _of}),
    st.fixed_dictionaries({"type": st.just("task"), "of": _of, "rank": st.integers(1, 3)}),
    st.fixed_dictionaries({"type": st.just("linear"), "over": _over}),
    st.just({"type": "constant"}),
)
KERNELS = st.recursive(
    _leaf,
    lambda inner: st.one_of(
        st.builds(lambda kernel: {"type": "scale", "kernel": kernel}, inner),
        st.builds(lambda terms: {"type": "sum", "terms": terms}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda factors: {"type": "product", "factors": factors}, st.lists(inner, min_size=1, max_size=2)),
    ),
    max_leaves=5,
)


def _tolerance(spec):
    """GPyTorch takes distances from scalar products, so that equal rows of a Matérn kernel are some 1e-8 apart."""
    return 1e-6 if "matern" in repr(spec) else 1e-9


def _drawn(spec, shared, seed):
    """A kernel on a pool with parameters near the priors' centres."""
    pool = POOLS[shared]
    kernel = compile_kernel(SPEC.validate_python(spec), pool)
    terms = expand(kernel)
    rng = np.random.default_rng(seed)
    parameters = {
        name: prior.centre * np.exp(0.5 * rng.normal(size=prior.centre.shape))
        for name, prior in default_priors(pool, terms).items()
    }
    parameters[NOISE] = np.array([0.05])
    return SimpleNamespace(pool=pool, kernel=kernel, terms=terms, parameters=parameters, rng=rng)


class Reference:
    """The same model from GPyTorch's and BoTorch's parts, and how their parameters follow from ours."""

    def __init__(self, drawn):
        import torch

        self.torch, self.pool = torch, drawn.pool
        self.logs = {
            name: torch.tensor(np.log(value), dtype=torch.float64, requires_grad=True)
            for name, value in drawn.parameters.items()
        }
        self.links = []
        self.columns = {}
        self._parts = []
        self.kernel = self._build(drawn.kernel)
        self.x = torch.tensor(np.column_stack([np.zeros((len(drawn.pool), 1)), *self._parts]))

    def _slice(self, key, values):
        """Where a block of columns lies in the inputs."""
        if key not in self.columns:
            begin = 1 + sum(part.shape[1] for part in self._parts)
            self._parts.append(values)
            self.columns[key] = tuple(range(begin, begin + values.shape[1]))
        return self.columns[key]

    def _link(self, module, attribute, value):
        """Gives a module the value and remembers it for the gradient."""
        getattr(module, attribute)  # fails loudly on a name that GPyTorch does not have
        setattr(module, attribute, value.detach())
        self.links.append((module, attribute, value))

    def _codes(self, level):
        pool = self.pool
        codes = {"system": pool.system_codes, "surface": pool.surface_codes}.get(level)
        codes = pool.groups[level].index if codes is None else codes
        return self._slice(("codes", level), codes[:, None].astype(float)), int(codes.max()) + 1

    def _build(self, kernel):
        import gpytorch

        k = gpytorch.kernels
        match kernel:
            case Scale(variance, inner):
                module = k.ScaleKernel(self._build(inner)).double()
                self._link(module, "outputscale", self.logs[variance].exp().reshape(()))
            case Sum(parts):
                module = k.AdditiveKernel(*map(self._build, parts))
            case Product(parts):
                module = k.ProductKernel(*map(self._build, parts))
            case Constant():
                module = k.ConstantKernel().double()
                module.constant = self.torch.tensor(1.0, dtype=self.torch.float64)
            case Linear(group):
                values = self.pool.groups[group].values
                z = (values - (values.max(axis=0) + values.min(axis=0)) / 2) / (np.ptp(values, axis=0) / 2)
                rows = (z / np.sqrt(z.shape[1]))[self.pool.groups[group].index]
                module = k.LinearKernel(active_dims=self._slice(("linear", group), rows)).double()
                module.variance = 1.0
            case Same(level):
                module = self._index(level, 1, None)
            case Task(level, weights, rank):
                module = self._index(level, rank, self.logs[weights].exp())
            case Stationary():
                module = self._stationary(kernel)
        return module

    def _index(self, level, rank, weights):
        import gpytorch

        column, count = self._codes(level)
        module = gpytorch.kernels.IndexKernel(num_tasks=count, rank=rank, active_dims=column).double()
        if weights is None:
            module.covar_factor.data.zero_()
            module.var = self.torch.ones(count, dtype=self.torch.float64)
            return module
        w = weights.reshape(count, rank)
        squared = 1.0 + (w**2).sum(dim=1)
        factor = w / squared.sqrt()[:, None]
        module.covar_factor.data.copy_(factor.detach())
        self.links.append((module, "covar_factor", factor))
        self._link(module, "var", 1.0 / squared)
        return module

    def _stationary(self, factor):
        import gpytorch
        from botorch.models.kernels import CategoricalKernel

        group = self.pool.groups[factor.group]
        values = group.values / np.ptp(group.values, axis=0) if factor.metric == "range" else group.values
        dims = self._slice((factor.metric == "range", factor.group), values[group.index])
        width = values.shape[1]
        more = {"ard_num_dims": width if factor.ard else None, "active_dims": dims}
        length = self.logs[factor.lengthscale].exp()
        if factor.metric == "overlap":
            module, length = CategoricalKernel(**more).double(), 2.0 * length**2 / width
        elif factor.metric == "periodic":
            more["ard_num_dims"] = width
            module, length = gpytorch.kernels.PeriodicKernel(**more).double(), (length**2).expand(width)
            module.period_length = self.torch.tensor(factor.period[0], dtype=self.torch.float64)
        elif factor.profile == "rbf":
            module = gpytorch.kernels.RBFKernel(**more).double()
        else:
            module = gpytorch.kernels.MaternKernel(nu={"1": 0.5, "3": 1.5, "5": 2.5}[factor.profile[-2]], **more).double()
        self._link(module, "lengthscale", length.reshape(1, -1))
        return module

    def model(self, positions, targets, noise):
        import gpytorch

        likelihood = gpytorch.likelihoods.GaussianLikelihood().double()
        self._link(likelihood, "noise", self.logs[NOISE].exp())
        outer, torch = self, self.torch

        class Model(gpytorch.models.ExactGP):
            def __init__(self):
                super().__init__(outer.x[positions], torch.tensor(targets), likelihood)
                self.mean_module, self.covar_module = gpytorch.means.ZeroMean(), outer.kernel

            def forward(self, inputs):
                return gpytorch.distributions.MultivariateNormal(self.mean_module(inputs), self.covar_module(inputs))

        return Model(), likelihood

    def gradient(self):
        """Gradient with respect to the logarithms of our parameters, by name, after ``backward`` of what GPyTorch computed."""
        torch = self.torch
        total = {name: torch.zeros_like(log) for name, log in self.logs.items()}
        for module, attribute, value in self.links:
            raw = getattr(module, f"raw_{attribute}", None)
            if raw is None:
                upstream = getattr(module, attribute).grad
            else:
                (stretch,) = torch.autograd.grad(getattr(module, attribute).sum(), raw)
                upstream = None if raw.grad is None else raw.grad / stretch
            if upstream is None:
                continue
            parts = torch.autograd.grad(
                value, list(self.logs.values()), upstream.reshape(value.shape), allow_unused=True, retain_graph=True
            )
            for name, part in zip(self.logs, parts, strict=True):
                if part is not None:
                    total[name] = total[name] + part
        return {name: value.detach().numpy() for name, value in total.items()}


@pytest.fixture(autouse=True)
def _exact(require):
    """GPyTorch without its approximations, and without the warnings of what it imports."""
    require("gpytorch")
    require("botorch")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import gpytorch

        with (
            gpytorch.settings.fast_computations(False, False, False),
            gpytorch.settings.lazily_evaluate_kernels(False),
            gpytorch.settings.cholesky_jitter(double_value=1e-13),
        ):
            yield


_many = settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


@given(spec=KERNELS, shared=st.booleans(), seed=st.integers(0, 99))
@_many
def test_covariance_is_gpytorchs(spec, shared, seed):
    drawn = _drawn(spec, shared, seed)
    reference = Reference(drawn)
    everything = np.arange(len(drawn.pool))
    ours = covariance(drawn.terms, drawn.pool, drawn.parameters, everything, everything)
    with reference.torch.no_grad():
        theirs = reference.kernel(reference.x, reference.x).to_dense().numpy()
    near = _tolerance(spec)
    assert np.allclose(ours, theirs, rtol=near, atol=near * np.abs(theirs).max())
    assert np.allclose(np.diagonal(ours), prior_variance(drawn.terms, drawn.pool, drawn.parameters))


@given(spec=KERNELS, shared=st.booleans(), seed=st.integers(0, 99))
@_many
def test_likelihood_and_gradient_are_gpytorchs(spec, shared, seed):
    import gpytorch

    drawn = _drawn(spec, shared, seed)
    positions, targets = drawn.rng.permutation(len(drawn.pool))[:14], drawn.rng.normal(size=14)
    priors = default_priors(drawn.pool, drawn.terms)
    density = LogPosterior(drawn.pool, drawn.terms, positions, targets, priors)
    value, gradient = density.likelihood(density.pack(drawn.parameters))
    reference = Reference(drawn)
    model, likelihood = reference.model(positions, targets, drawn.parameters[NOISE])
    model.train()
    mll = gpytorch.mlls.ExactMarginalLogLikelihood(likelihood, model)
    log_density = mll(model(reference.x[positions]), reference.torch.tensor(targets)) * 14
    log_density.backward()
    expected = reference.gradient()
    near = 10.0 * _tolerance(spec)
    assert value == pytest.approx(log_density.item(), rel=near, abs=near)
    whole = np.concatenate([expected[name].ravel() for name in priors])
    assert np.allclose(gradient, whole, rtol=near, atol=10.0 * near)


@given(spec=KERNELS, shared=st.booleans(), seed=st.integers(0, 99), split=st.integers(0, 12))
@_many
def test_posterior_of_the_pool_is_gpytorchs(spec, shared, seed, split):
    drawn = _drawn(spec, shared, seed)
    positions, targets = drawn.rng.permutation(len(drawn.pool))[:12], drawn.rng.normal(size=12)
    reference = Reference(drawn)
    model, _ = reference.model(positions, targets, drawn.parameters[NOISE])
    model.eval()
    with reference.torch.no_grad():
        theirs = model(reference.x)
    posterior = PoolPosterior(drawn.pool, drawn.terms, drawn.parameters, float(drawn.parameters[NOISE][0]))
    posterior.start(positions[:split].tolist())
    mean, variance = posterior.predict(positions[split:].tolist(), [], targets, np.ones(12, dtype=bool))
    scale = max(1.0, float(prior_variance(drawn.terms, drawn.pool, drawn.parameters).max()))
    near = 10.0 * _tolerance(spec) * scale
    assert np.allclose(mean, theirs.mean.numpy(), rtol=0, atol=near)
    assert np.allclose(variance, np.maximum(theirs.variance.numpy(), 0.0), rtol=0, atol=near)


@given(spec=KERNELS, seed=st.integers(0, 99))
@_many
def test_the_shared_grid_serves_every_kernel(spec, seed):
    drawn = _drawn(spec, True, seed)
    layout = grid_layout(drawn.pool, drawn.terms)
    assert layout is not None
    assert isinstance(cross_covariance(drawn.pool, drawn.terms, drawn.parameters), SharedGrid)
    weights = drawn.rng.normal(size=(5, 2))
    results = []
    for cross in (
        SharedGrid(drawn.pool, drawn.terms, drawn.parameters, layout),
        CachedRows(drawn.pool, drawn.terms, drawn.parameters),
        CachedRows(drawn.pool, drawn.terms, drawn.parameters, memory_limit=0),
    ):
        for point in (0, 7, 7, 20, 35):
            cross.append(point)
        results.append(cross.weighted(weights))
    scale = float(prior_variance(drawn.terms, drawn.pool, drawn.parameters).max())
    assert np.allclose(results[0], results[1], rtol=0, atol=1e-11 * max(scale, 1.0))
    assert np.allclose(results[1], results[2], rtol=0, atol=1e-11 * max(scale, 1.0))
