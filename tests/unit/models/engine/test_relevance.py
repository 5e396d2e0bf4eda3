import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tansaku.models.domain.pool import CandidatePool, FeatureGroup
from tansaku.models.engine import relevance as module
from tansaku.models.engine.kernels import Linear, Same, Scale, Stationary, covariance, expand
from tansaku.models.engine.relevance import relevance
from tests.support.pools import pool_of

KERNEL = (
    Scale("va", Stationary("a", "la"))
    + Scale("vb", Stationary("b", "lb", "matern52", metric="overlap"))
    + Scale("vab", Stationary("a", "la2") * Stationary("b", "lb2") * Same("system"))
)


def product_pool(a: int = 4, b: int = 3) -> CandidatePool:
    """All pairs of two features, the second of them a category."""
    first, second = (axis.ravel() for axis in np.meshgrid(np.arange(a), np.arange(b), indexing="ij"))
    return pool_of(
        a * b,
        FeatureGroup("a", np.linspace(0.0, 1.0, a)[:, None] ** 2, first.astype(np.intp), ("x",)),
        FeatureGroup("b", np.arange(b, dtype=float)[:, None], second.astype(np.intp), ("kind",), categorical=True),
    )


def parameters(va: float = 1.0, vb: float = 0.5, vab: float = 0.3) -> dict[str, np.ndarray]:
    values = {"va": va, "vb": vb, "vab": vab, "la": 0.4, "lb": 0.8, "la2": 0.3, "lb2": 1.5}
    return {name: np.array([value]) for name, value in values.items()}


def brute_force(pool: CandidatePool, kernel, values, group: str) -> float:
    """Mean of (f(x) - f(x'))² / 2 over pairs of candidates that differ in one group alone, each exchange equally likely."""
    everything = np.arange(len(pool), dtype=np.intp)
    k = covariance(expand(kernel), pool, values, everything, everything)
    other = next(name for name in pool.groups if name != group)
    same = pool.groups[other].index[:, None] == pool.groups[other].index[None, :]
    half = 0.5 * (np.diag(k)[:, None] + np.diag(k)[None, :]) - k
    return float(half[same].mean())


@pytest.mark.parametrize("group", ["a", "b"])
@given(va=st.floats(0.01, 10), vb=st.floats(0.01, 10), vab=st.floats(0.01, 10))
def test_it_is_the_variance_of_exchanging_one_group(group, va, vb, vab):
    pool, values = product_pool(), parameters(va, vb, vab)
    found = relevance(pool, expand(KERNEL), values, {"category": (group,)})["category"]
    assert found == pytest.approx(brute_force(pool, KERNEL, values, group), rel=1e-9)


def test_linear_parts_count_too():
    pool = product_pool()
    kernel = Scale("va", Linear("a")) + Scale("vb", Linear("a") * Stationary("b", "lb"))
    for group in ("a", "b"):
        found = relevance(pool, expand(kernel), parameters(), {group: (group,)})[group]
        assert found == pytest.approx(brute_force(pool, kernel, parameters(), group), rel=1e-9)


def test_groups_of_one_category_are_exchanged_together():
    pool, values = product_pool(), parameters()
    both = relevance(pool, expand(KERNEL), values, {"both": ("a", "b")})["both"]
    everything = np.arange(len(pool), dtype=np.intp)
    k = covariance(expand(KERNEL), pool, values, everything, everything)
    assert both == pytest.approx(np.diag(k).mean() - k.mean(), rel=1e-9)


def test_what_the_kernel_does_not_read_makes_no_difference():
    found = relevance(product_pool(), expand(Scale("va", Stationary("a", "la"))), parameters(), {"b": ("b",), "none": ()})
    assert found == {"b": 0.0, "none": 0.0}


def test_of_many_rows_some_are_exchanged(monkeypatch):
    pool, kernel, values = product_pool(a=200, b=1), expand(Scale("va", Stationary("a", "la"))), parameters()
    every = relevance(pool, kernel, values, {"a": ("a",)})["a"]
    monkeypatch.setattr(module, "MOST_ROWS", 40)
    some = relevance(pool, kernel, values, {"a": ("a",)})["a"]
    assert some != every
    assert some == pytest.approx(every, rel=0.05)
