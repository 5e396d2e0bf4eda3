"""Atomic energies at large boundaries learned at small ones: the benchmark runs, and the committed result meets its goals."""

import json
from pathlib import Path

from benchmarks.local_energies.cases import DATA, ENERGIES, Case, examples, sides
from tansaku.models.domain.identifiers import file_sha256

ROOT = Path(__file__).resolve().parents[3]
RESULT = ROOT / "benchmarks/local_energies/result.json"


def test_quick_run_writes_result_and_figure(benchmark_result, require):
    require("sklearn")
    result = benchmark_result("local_energies", "--quick", figure=20_000)
    assert result["r"]["eam"] > 0.95
    assert result["r"]["chgnet"] > 0.9


def test_small_boundaries_train_and_all_larger_ones_test():
    training, test = sides(Case("eam", "radial", 0.0, 6))
    assert max(one.info["sigma"] for one in training) <= 20 < min(one.info["sigma"] for one in test)
    assert max(one.info["sigma"] for one in test) == 99
    assert len({one.group for one in training}) == 10
    assert len({one.group for one in test}) == 28
    assert DATA.stat().st_size < 2_000_000


def test_of_some_structures_the_totals_alone_are_known():
    training, test = sides(Case("eam", "both", 1.0, 6, known=1))
    assert sum("energies" in one.properties for one in training) == 10
    assert all("energy" in one.properties for one in training)
    assert all("energies" in one.properties for one in test)


def test_both_sources_are_of_the_same_structures_and_differ():
    one, other = (examples(energies)[0] for energies in ENERGIES)
    assert one.structure == other.structure
    assert abs(one.properties["energies"] - other.properties["energies"]).min() > 0.1


def test_the_committed_result_is_of_the_committed_data_and_meets_the_goals():
    result = json.loads(RESULT.read_text())
    assert result["data"]["sha256"] == file_sha256(DATA)
    assert result["r"]["eam"] >= 0.995
    assert result["r"]["chgnet"] >= 0.98
    assert len(result["fits"]) == 16
    for fit in result["fits"]:
        assert fit["test"]["structures"] == 168
        assert 0.5 < fit["atom"]["within_one_deviation"] < 0.85
    for energies in ENERGIES:
        # Totals are worth something where atoms are unknown.
        blind = {
            fit["total_weight"]: fit["atom"]["rmse_mev"]
            for fit in result["fits"]
            if fit["known"] and fit["energies"] == energies
        }
        assert blind[1.0] < blind[0.0]
    distances = next(fit for fit in result["fits"] if fit["energies"] == "chgnet" and "distance" in fit)["distance"]
    assert distances[-1]["rmse_mev"] > 2 * distances[0]["rmse_mev"]
