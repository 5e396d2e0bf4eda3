"""The benchmark of the pool posterior runs as users run it."""


def test_quick_run_writes_every_figure(require, benchmark_result):
    require("botorch")
    result = benchmark_result("pool_posterior", "--quick")
    assert result["ratio"] == result["botorch_s"] / result["ours_s"]
    assert result["botorch_s"] == min(result["botorch_joint_chunks_s"], result["botorch_ei_s"])
    assert min(result["ours_s"], result["ours_shared_grid_s"]) > 0
    assert set(result["kernels_s"]) == set(result["kernels_memory_gb"]) >= {"default", "sum of eight"}
    assert result["million_memory_gb"] > 0
    assert result["million_s"] > 0
    assert 0 <= result["two_stage_loss"] < 1e-3
