"""Bands on surfaces with exact answers: barriers, evaluations, and the path that a straight start misses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.paths.__main__ import bands_summary
from benchmarks.paths.bands import SplineSurface, compare
from benchmarks.paths.methods import Problem
from tansaku.models.domain.specs.energy_surface import EnergySurfaceSpaceSpec
from tansaku.spaces.energy_surface import EnergySurfaceSpace

HEIGHT = 0.3


@pytest.fixture(scope="module")
def space() -> EnergySurfaceSpace:
    host = {"structure": "sc", "elements": ["Po"], "lattice_parameter": 3.0}
    return EnergySurfaceSpace(EnergySurfaceSpaceSpec.model_validate({"host": host, "ion": "H", "grid": 0.15}), Path())


def surface(space: EnergySurfaceSpace, bump: float) -> Problem:
    """A minimum in the middle of the cell, paths over the middles of its faces, and a bump there."""
    pool = space.pool()
    fractions = np.array([space.structure(str(name)).info["fraction"] for name in pool.ids])
    up = 0.5 * (1.0 + np.cos(2 * np.pi * fractions))
    faces = [up[:, k] * np.delete(1.0 - up, k, axis=1).prod(axis=1) for k in range(3)]
    return Problem(pool, HEIGHT * up.sum(axis=1) + bump * sum(face**4 for face in faces))


def test_a_straight_path_is_found_by_all_bands(space):
    found = compare(space, surface(space, 0.0))
    assert found["on_grid"] == pytest.approx(HEIGHT, abs=1e-9)
    assert found["barrier"] == pytest.approx(HEIGHT, abs=2e-3)
    assert {row["finds"] for row in found["bands"]} == {"same"}
    assert all(row["evaluations"] > 7 for row in found["bands"])


def test_a_straight_start_stays_on_a_bump_that_the_path_leads_around(space):
    found = compare(space, surface(space, 1.0))
    # In the plane of the face the bump gives way where 4 (1 - u)^3 = 0.3.
    left = (HEIGHT / 4) ** (1 / 3)
    assert found["barrier"] <= HEIGHT + HEIGHT * (1 - left) + left**4 + 0.02
    row = next(row for row in found["bands"] if (row["ends"], row["start"]) == ("image", "straight"))
    assert row["finds"] == "another"
    assert row["barrier"] == pytest.approx(HEIGHT + 1.0, abs=0.02)


def test_the_spline_goes_through_the_points_and_rises_inside_atoms(space):
    problem = surface(space, 0.0)
    grid = problem.pool.grids[problem.pool.systems[0]]
    spline = SplineSurface(problem.values, grid, space.host.cell.array)
    structures = [space.structure(str(name)) for name in problem.pool.ids[:20]]
    places = np.array([structure.positions[-1] for structure in structures])
    assert spline.energies(places) == pytest.approx(problem.values[:20], abs=1e-9)
    assert spline.energies(np.zeros((1, 3)))[0] > problem.values.max()
    moved = structures[3].copy()
    moved.positions[-1] += [0.05, 0.02, -0.03]
    forces, step = spline.evaluate(moved).forces, np.array([[1e-4, 0.0, 0.0]])
    there = moved.positions[-1:]
    assert forces[-1, 0] == pytest.approx(
        -float((spline.energies(there + step) - spline.energies(there - step))[0]) / 2e-4, abs=1e-4
    )
    assert not forces[:-1].any()


def test_what_bands_take_is_compared_with_the_search():
    row = {"ends": "image", "start": "idpp", "bands": 1, "evaluations": 300, "barrier": None, "finds": "none"}
    bands = [{"host": "a", "core_seconds_per_evaluation": 0.1, "bands": [row]}]
    found = bands_summary(bands, [{"host": "a", "method": "dominance", "median": 20}])
    assert found == [
        {
            "ends": "image", "start": "idpp", "same": 0, "another": 0, "none": 1, "median_evaluations": 300,
            "median_core_seconds": pytest.approx(30.0), "median_ratio_to_dominance": 15.0,
        }
    ]  # fmt: skip
