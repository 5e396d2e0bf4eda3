"""The quick benchmark of the target search runs every method on both tables, and the stored one has a thousand seeds."""

import json
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
PROBLEMS = {"solvents", "tavorites"}


def test_it_measures_every_method(tmp_path, require, benchmark_result):
    require("sklearn")
    found = benchmark_result("target_search", "--quick")["runs"]
    assert set(found) == PROBLEMS
    for methods in found.values():
        assert set(methods) == {"sparse", "sparse, residual gp", "gp", "gp, columns as they are", "random"}
        assert all(run["evaluations"] == 10 for (run,) in methods.values())
    assert (tmp_path / "found.png").stat().st_size > 10_000


def test_the_stored_result_has_a_thousand_seeds_of_each_table():
    summary = json.loads((ROOT / "benchmarks/target_search/result.json").read_text())["summary"]
    assert set(summary) == PROBLEMS
    for methods in summary.values():
        assert min(methods[name]["searches"] for name in ("sparse", "gp", "random")) >= 1000
        assert methods["sparse"]["found_best"] > methods["random"]["found_best"]
