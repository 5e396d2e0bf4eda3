"""How reading grows with a campaign: the benchmark runs as users run it."""


def test_a_quick_run_measures_every_reader(benchmark_result, require):
    require("mongod")
    result = benchmark_result("growth", "--quick", timeout=300)
    [found] = result["by_evaluations"].values()
    assert {"status_s", "results_s", "driver_mb", "ms_per_evaluation"} <= set(found)
    assert all(value > 0 for value in found.values())
    assert result["list"]["campaigns"] == 3
    assert result["list"]["list_s"] > 0
    assert result["provenance"]["cpu"]
