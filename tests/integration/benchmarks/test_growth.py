"""How reading grows with a campaign: the benchmark runs as users run it."""

import json


def test_a_quick_run_measures_every_reader(run_benchmark, require, tmp_path):
    require("mongod")
    out = tmp_path / "result.json"
    done = run_benchmark("growth", "--quick", "--out", out, timeout=300)
    assert done.returncode == 0, done.stderr
    result = json.loads(out.read_text())
    [found] = result["by_evaluations"].values()
    assert {"status_s", "results_s", "driver_mb", "ms_per_evaluation"} <= set(found)
    assert all(value > 0 for value in found.values())
    assert result["list"]["campaigns"] == 3
    assert result["list"]["list_s"] > 0
    assert result["provenance"]["cpu"]
