"""Boundaries of compounds beside density-functional theory, and with the inversion imposed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks import boundary_dft, boundary_hull, equal_boundaries
from benchmarks.boundary_dft.__main__ import cell_of, classical, computed, slope
from benchmarks.boundary_dft.__main__ import summary as compared
from benchmarks.boundary_hull.__main__ import campaign, crystals, lag, values_of
from benchmarks.boundary_hull.__main__ import summary as hulls
from benchmarks.equal_boundaries.__main__ import summary as counted
from tansaku.spaces.space_registry import open_space

POINTS = Path(boundary_dft.__file__).parent
DFT, LI3OCL, SRTIO3 = (
    json.loads((POINTS / f"{name}.json").read_text(encoding="utf-8")) for name in ("result", "li3ocl", "srtio3")
)
HULL = json.loads(Path(boundary_hull.__file__).with_name("result.json").read_text(encoding="utf-8"))
EQUAL = json.loads(Path(equal_boundaries.__file__).with_name("result.json").read_text(encoding="utf-8"))


def test_structures_by_density_functional_theory_show_that_chgnet_is_too_soft():
    for result in (DFT, LI3OCL, SRTIO3):
        assert compared(result) == result["summary"]
        rows, slopes = result["summary"]["rows"], result["summary"]["slopes"]
        assert len(rows) >= 5
        assert max(row["atoms"] for row in rows) <= 40
        assert slopes["CHGNet, all"]["energy"] < 1.0
    assert DFT["summary"]["slopes"]["CHGNet, as built"]["force"] < 1.0 < DFT["summary"]["slopes"]["Buckingham, all"]["energy"]
    for result in (LI3OCL, SRTIO3):
        slopes = result["summary"]["slopes"]
        assert slopes["CHGNet, all"]["energy"] < slopes["SevenNet, all"]["energy"]


@pytest.mark.parametrize("place", [0, 1])
def test_energies_of_the_stored_structures_are_computed_again(place):
    point = DFT["points"][place]
    for name, calculator in classical("mgo").items():
        assert computed(calculator, cell_of(point))["energy"] == pytest.approx(point["results"][name]["energy"], abs=1e-3)


def test_a_slope_goes_through_the_origin():
    assert slope(np.array([1.0, 2.0, 3.0]), np.array([0.8, 1.6, 2.4])) == pytest.approx(0.8)
    assert slope(np.array([[1.0], [-1.0]]), np.array([[1.5], [-0.5]])) == pytest.approx(1.0)


def test_an_imposed_inversion_leaves_no_boundaries_that_differ():
    assert counted(EQUAL["rows"]) == EQUAL["summary"]
    free, kept = EQUAL["summary"]["free"], EQUAL["summary"]["kept"]
    assert free["differ"] > 0
    assert kept["differ"] == 0
    assert kept["relaxed"] == free["relaxed"]


def test_the_goal_of_the_hull_finds_it_with_fewer_evaluations():
    found = {row["goal"]: row for row in HULL["summary"]}
    assert hulls(HULL["runs"]) == HULL["summary"]
    assert len(HULL["values"]) == HULL["candidates"]
    assert found["hull"]["seeds"] == found["best_per_system"]["seeds"] >= 8
    assert found["hull"]["needed"] < found["best_per_system"]["needed"]


def test_the_lag_of_all_candidates_is_none(tmp_path):
    crystals(tmp_path)
    pool = open_space(campaign("hull", quick=True).space, tmp_path).pool()
    values = np.random.default_rng(0).normal(500.0, 100.0, len(pool))
    values[3] = np.nan
    every = np.arange(len(pool))
    assert lag(pool, values, every) == pytest.approx(0.0)
    # Without the best of a system that wins at an end, the hull is higher by as much there.
    at_zero = np.flatnonzero(values == np.nanmin(values))
    second = np.nanmin(np.delete(values, at_zero)) - np.nanmin(values)
    assert lag(pool, values, np.delete(every, at_zero)) >= second - 1e-9


def test_stored_energies_of_candidates_are_computed_again(tmp_path):
    crystals(tmp_path)
    spec = campaign("hull", quick=False)
    names = [name for name, value in HULL["values"].items() if value is not None][::150]
    assert values_of(spec, tmp_path, names) == pytest.approx([HULL["values"][name] for name in names], abs=1.0)
