"""Small pools: surfaces that share a grid, candidates that share nothing, and a table with one bare group."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from tansaku.models.domain.pool import CandidatePool, FeatureGroup, FloatArray, IntArray


def _pool(surface_codes, surface_system, groups, cost):
    n = len(surface_codes)
    return CandidatePool(
        ids=np.array([f"c{i:05d}" for i in range(n)]),
        systems=tuple(f"system-{i}" for i in range(max(surface_system) + 1)),
        system_codes=np.asarray(surface_system)[surface_codes],
        surfaces=tuple(f"surface-{i}" for i in range(len(surface_system))),
        surface_codes=surface_codes,
        groups=groups,
        cost=cost,
    )


def pool_of(
    costs: int | Sequence[float] | FloatArray,
    *groups: FeatureGroup,
    systems: tuple[str, ...] = ("s",),
    codes: Sequence[int] | IntArray | None = None,
    **more: Any,
) -> CandidatePool:
    """Candidates ``c0000`` and so on at these costs; a number stands for as many of cost 1.

    All are of one system unless ``codes`` says of which; each system is one surface.
    """
    cost = np.ones(costs) if isinstance(costs, int) else np.asarray(costs, dtype=np.float64)
    of_system = np.zeros(len(cost), dtype=np.intp) if codes is None else np.asarray(codes, dtype=np.intp)
    return CandidatePool(
        ids=np.array([f"c{i:04d}" for i in range(len(cost))]),
        systems=systems,
        system_codes=of_system,
        surfaces=systems,
        surface_codes=of_system,
        groups={group.name: group for group in groups},
        cost=cost,
        **more,
    )


@pytest.fixture(scope="session")
def grid_pool() -> CandidatePool:
    """Five surfaces of three systems on one grid of 4 x 3 x 2 translations."""
    rng = np.random.default_rng(1)
    grid = np.array([(x, y, z) for x in (0.0, 0.1, 0.2, 0.3) for y in (0.0, 0.4, 0.8) for z in (0.0, 0.5)])
    owner = [0, 0, 1, 2, 2]
    surface_codes = np.repeat(np.arange(5), len(grid))
    groups = {
        "translation": FeatureGroup("translation", grid, np.tile(np.arange(len(grid)), 5), ("x", "y", "z")),
        "structure": FeatureGroup("structure", rng.normal(size=(5, 12)), surface_codes, tuple(f"d{i}" for i in range(12))),
        "angle": FeatureGroup("angle", np.array([[20.0], [50.0], [70.0]]), np.asarray(owner)[surface_codes], ("angle",)),
    }
    return _pool(surface_codes, owner, groups, np.array([10.0, 8.0, 20.0, 40.0, 36.0])[surface_codes])


@pytest.fixture(scope="session")
def scattered_pool() -> CandidatePool:
    """60 candidates in four surfaces of two systems, each at a place of its own."""
    rng = np.random.default_rng(2)
    surface_codes = np.sort(rng.integers(0, 4, 60)).astype(np.intp)
    surface_codes[:4] = surface_codes[-4:] = np.arange(4)
    groups = {
        "place": FeatureGroup("place", rng.uniform(size=(60, 2)), np.arange(60), ("u", "v")),
        "kind": FeatureGroup("kind", rng.normal(size=(4, 1)), surface_codes, ("kind",)),
    }
    return _pool(surface_codes, [0, 0, 1, 1], groups, rng.uniform(1.0, 5.0, 60))


@pytest.fixture(scope="session")
def bare_pool() -> CandidatePool:
    """One system, one surface, one column; two candidates are the same point."""
    values = np.linspace(0.0, 1.0, 11)[:, None]
    index = np.append(np.arange(11), 5)
    return _pool(np.zeros(12, dtype=np.intp), [0], {"x": FeatureGroup("x", values, index, ("x",))}, np.ones(12))


@pytest.fixture(params=["grid_pool", "scattered_pool", "bare_pool"])
def any_pool(request: pytest.FixtureRequest) -> CandidatePool:
    """Each of the pools."""
    return request.getfixturevalue(request.param)
