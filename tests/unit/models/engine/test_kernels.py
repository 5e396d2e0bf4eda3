import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import gamma, kv

from tansaku.models.domain.pool import CandidatePool, FeatureGroup
from tansaku.models.engine.kernels import (
    Constant,
    Product,
    Same,
    Scale,
    Stationary,
    Sum,
    Term,
    correlation,
    covariance,
    expand,
    log_derivative,
    prior_variance,
    squared_distances,
)
from tansaku.models.engine.presets import build_kernel
from tests.support.pools import pool_of

PROFILES = ["rbf", "matern12", "matern32", "matern52"]


def test_a_product_of_sums_is_multiplied_out():
    a, b, c = Stationary("a", "la"), Stationary("b", "lb"), Same("surface")
    assert expand((a + b) * Scale("s", c + Constant())) == (
        Term(("s",), (a, c)),
        Term(("s",), (a,)),
        Term(("s",), (b, c)),
        Term(("s",), (b,)),
    )


def test_operators_compose_as_the_classes_do():
    a, b = Stationary("a", "la"), Same("system")
    assert a + b == Sum((a, b))
    assert a * b == Product((a, b))


@pytest.mark.parametrize(("profile", "nu"), [("matern12", 0.5), ("matern32", 1.5), ("matern52", 2.5)])
@given(r=st.floats(0.01, 8.0))
def test_matern_is_the_bessel_form(profile, nu, r):
    z = np.sqrt(2.0 * nu) * r
    expected = 2.0 ** (1.0 - nu) / gamma(nu) * z**nu * kv(nu, z)
    assert correlation(profile, np.array([r * r]))[0] == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("profile", PROFILES)
@given(r=st.floats(0.05, 5.0))
def test_log_slope_is_the_derivative(profile, r):
    step = 1e-5
    squared = np.array([r * r])
    up, down = (np.log(correlation(profile, squared * np.exp(-2.0 * s)))[0] for s in (step, -step))
    assert (up - down) / (2.0 * step) == pytest.approx(float(np.ravel(log_derivative(profile, squared))[0]) * r * r, rel=1e-5)


@pytest.mark.parametrize("profile", PROFILES)
def test_covariance_is_what_the_formula_says(grid_pool, profile):
    kernel = Scale("v", Stationary("translation", "l", profile, ard=True) * Same("system")) + Scale(
        "w", Stationary("angle", "m")
    )
    parameters = {"v": np.array([2.0]), "w": np.array([3.0]), "l": np.array([0.2, 0.5, 1.5]), "m": np.array([30.0])}
    here, there = np.array([0, 7, 30, 119]), np.array([3, 30, 60, 100, 110])
    got = covariance(expand(kernel), grid_pool, parameters, here, there)
    for i, a in enumerate(here):
        for j, b in enumerate(there):
            t = [grid_pool.groups["translation"].values[grid_pool.groups["translation"].index[p]] for p in (a, b)]
            q = [grid_pool.groups["angle"].values[grid_pool.groups["angle"].index[p], 0] for p in (a, b)]
            r2 = np.sum(((t[0] - t[1]) / parameters["l"]) ** 2)
            own = grid_pool.system_codes[a] == grid_pool.system_codes[b]
            expected = 2.0 * own * correlation(profile, np.array(r2)) + 3.0 * np.exp(-((q[0] - q[1]) ** 2) / 1800.0)
            assert got[i, j] == pytest.approx(float(expected), rel=1e-12)


@given(seed=st.integers(0, 1000))
def test_every_preset_kernel_is_positive_definite(seed):
    rng = np.random.default_rng(seed)
    from tansaku.models.domain.pool import FeatureGroup

    codes = np.sort(rng.integers(0, 3, 12))
    pool = CandidatePool(
        ids=np.array([f"{i:02d}" for i in range(12)]),
        systems=("a", "b"),
        system_codes=np.minimum(codes, 1),
        surfaces=("a0", "b0", "b1"),
        surface_codes=codes,
        groups={
            "x": FeatureGroup("x", rng.normal(size=(12, 2)), np.arange(12), ("u", "v")),
            "d": FeatureGroup("d", rng.normal(size=(3, 1)), codes, ("d",)),
        },
        cost=np.ones(12),
    )
    for name in ("product", "per-system", "additive"):
        terms = expand(build_kernel(name, pool))
        parameters = {n: np.exp(rng.normal(size=1)) for term in terms for n in term.variances}
        for factor in {f for term in terms for f in term.factors if isinstance(f, Stationary)}:
            width = pool.groups[factor.group].values.shape[1] if factor.ard else 1
            parameters[factor.lengthscale] = np.exp(rng.normal(size=width))
        matrix = covariance(terms, pool, parameters, np.arange(12), np.arange(12))
        assert np.allclose(matrix, matrix.T)
        assert np.allclose(np.diagonal(matrix), prior_variance(terms, pool, parameters))
        assert np.linalg.eigvalsh(matrix).min() > -1e-10 * prior_variance(terms, pool, parameters).max()


def test_sums_bring_peaks_in_neighbouring_bins_near_each_other():
    # One peak each, in bins 3, 4 and 9: bin by bin all are equally far apart.
    rows = np.eye(12)[[3, 4, 9]]
    codes = np.arange(3)
    pool = pool_of(3, FeatureGroup("h", rows, codes, tuple(f"bin {i}" for i in range(12))))

    def apart(metric):
        return squared_distances(Stationary("h", "l", metric=metric), pool, np.ones(1), codes[:1], codes)[0]

    assert apart("plain") == pytest.approx([0.0, 2.0, 2.0])
    assert apart("cumulative") == pytest.approx([0.0, 1.0, 6.0])
