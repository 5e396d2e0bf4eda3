import numpy as np
import pytest

from tansaku.models.domain.pool import CandidatePool, FeatureGroup
from tansaku.models.engine.cross import CachedRows, SharedGrid, cross_covariance, grid_layout, surface_level
from tansaku.models.engine.kernels import covariance, expand
from tansaku.models.engine.map_fit import default_priors
from tansaku.models.engine.presets import build_kernel

POINTS = [3, 0, 17, 17, 40, 51]


def _kernel(pool, name="additive"):
    terms = expand(build_kernel(name, pool))
    return terms, {key: prior.centre for key, prior in default_priors(pool, terms).items()}


def _filled(cross, points):
    for point in points:
        cross.append(point)
    return cross


def _whole(cross, n):
    rows = np.full((len(POINTS), n), np.nan)
    for block, values in cross.blocks():
        rows[:, block] = values
    return rows


def test_the_factorisation_is_found_where_it_is(grid_pool, scattered_pool):
    terms, parameters = _kernel(grid_pool)
    assert isinstance(cross_covariance(grid_pool, terms, parameters), SharedGrid)
    terms, parameters = _kernel(scattered_pool)
    assert isinstance(cross_covariance(scattered_pool, terms, parameters), CachedRows)


def test_surface_level_groups_are_told_apart(grid_pool):
    assert surface_level(grid_pool, "structure")
    assert surface_level(grid_pool, "angle")
    assert not surface_level(grid_pool, "translation")


@pytest.mark.parametrize("name", ["product", "per-system", "additive"])
def test_both_ways_give_the_covariance(grid_pool, name):
    terms, parameters = _kernel(grid_pool, name)
    expected = covariance(terms, grid_pool, parameters, np.array(POINTS), np.arange(len(grid_pool)))
    weights = np.random.default_rng(0).normal(size=(len(POINTS), 3))
    for cross in (
        SharedGrid(grid_pool, terms, parameters, grid_layout(grid_pool, terms)),
        CachedRows(grid_pool, terms, parameters),
        CachedRows(grid_pool, terms, parameters, memory_limit=0),
        CachedRows(grid_pool, terms, parameters, memory_limit=8 * len(grid_pool) * 2),
    ):
        _filled(cross, POINTS)
        assert np.allclose(cross.weighted(weights), weights.T @ expected, rtol=0, atol=1e-13)
        assert np.allclose(_whole(cross, len(grid_pool)), expected, rtol=0, atol=1e-13)


def test_a_shuffled_pool_with_holes_still_factorises(grid_pool):
    keep = np.sort(np.random.default_rng(3).permutation(len(grid_pool))[:90])
    shuffle = np.random.default_rng(4).permutation(90)
    pick = keep[shuffle]
    pool = CandidatePool(
        ids=np.array([f"{i:03d}" for i in range(90)]),
        systems=grid_pool.systems,
        system_codes=grid_pool.system_codes[pick],
        surfaces=grid_pool.surfaces,
        surface_codes=grid_pool.surface_codes[pick],
        groups={
            name: type(group)(name, group.values, group.index[pick], group.columns) for name, group in grid_pool.groups.items()
        },
        cost=grid_pool.cost[pick],
    )
    terms, parameters = _kernel(pool)
    cross = _filled(cross_covariance(pool, terms, parameters), POINTS)
    assert isinstance(cross, SharedGrid)
    expected = covariance(terms, pool, parameters, np.array(POINTS), np.arange(90))
    assert np.allclose(_whole(cross, 90), expected, rtol=0, atol=1e-13)
    assert np.allclose(cross.weighted(np.eye(len(POINTS))), expected, rtol=0, atol=1e-13)


@pytest.mark.parametrize("limit", [0, 3, 1000])
def test_forgotten_points_leave_no_trace(scattered_pool, limit):
    terms, parameters = _kernel(scattered_pool)
    cross = _filled(CachedRows(scattered_pool, terms, parameters, memory_limit=limit * 8 * len(scattered_pool)), POINTS)
    cross.truncate(2)
    _filled(cross, [55, 56, 57, 58])
    expected = covariance(terms, scattered_pool, parameters, np.array([3, 0, 55, 56, 57, 58]), np.arange(len(scattered_pool)))
    assert np.allclose(cross.weighted(np.eye(6)), expected, rtol=0, atol=1e-13)


def test_memory_stays_below_the_limit(scattered_pool):
    terms, parameters = _kernel(scattered_pool)
    limit = 8 * len(scattered_pool) * 70
    cross = _filled(CachedRows(scattered_pool, terms, parameters, memory_limit=limit), list(range(60)) * 2)
    assert cross.cached_bytes <= limit


def test_rows_are_rounded_only_where_five_hundred_would_pass_the_limit(scattered_pool):
    terms, parameters = _kernel(scattered_pool)
    row = 8 * len(scattered_pool)
    limits = {500 * row: False, 500 * row - 1: True, 250 * row: True, 250 * row - 1: False}
    kept = {limit: CachedRows(scattered_pool, terms, parameters, memory_limit=limit) for limit in limits}
    assert {limit: cross.rounded for limit, cross in kept.items()} == limits
    rounded = _filled(kept[250 * row], POINTS)
    expected = covariance(terms, scattered_pool, parameters, np.array(POINTS), np.arange(len(scattered_pool)))
    weights = np.random.default_rng(0).normal(size=(len(POINTS), 3))
    assert np.allclose(rounded.weighted(weights), weights.T @ expected, rtol=0, atol=1e-6)
    assert not np.allclose(rounded.weighted(weights), weights.T @ expected, rtol=0, atol=1e-12)
    assert np.allclose(_whole(rounded, len(scattered_pool)), expected, rtol=0, atol=1e-6)
    assert rounded.cached_bytes <= 250 * row


def test_many_surfaces_are_not_compared_pairwise():
    """A pool in which every candidate is a surface: the product of all pairs would fill the memory."""
    n = 5000
    pool = CandidatePool(
        ids=np.array([f"c{i:04d}" for i in range(n)]),
        systems=("only",),
        system_codes=np.zeros(n, dtype=np.intp),
        surfaces=tuple(f"s{i}" for i in range(n)),
        surface_codes=np.arange(n),
        groups={"x": FeatureGroup("x", np.linspace(0, 1, n)[:, None], np.arange(n), ("x",))},
        cost=np.ones(n),
    )
    terms, parameters = _kernel(pool)
    assert grid_layout(pool, terms) is None
    cross = _filled(cross_covariance(pool, terms, parameters), [0, 4999])
    assert cross.weighted(np.eye(2)).shape == (2, n)
