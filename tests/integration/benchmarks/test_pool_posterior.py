"""The benchmark of the pool posterior runs as users run it."""

import json


def test_quick_run_writes_every_figure(tmp_path, require, run_benchmark):
    require("botorch")
    out = tmp_path / "result.json"
    done = run_benchmark("pool_posterior", "--quick", "--out", out)
    assert done.returncode == 0, done.stderr
    result = json.loads(out.read_text())
    assert result["ratio"] == result["botorch_s"] / result["ours_s"]
    assert result["botorch_s"] == min(result["botorch_joint_chunks_s"], result["botorch_ei_s"])
    assert min(result["ours_s"], result["ours_shared_grid_s"]) > 0
    assert set(result["kernels_s"]) == set(result["kernels_memory_gb"]) >= {"default", "sum of eight"}
    assert result["million_memory_gb"] > 0
    assert result["million_s"] > 0
    assert 0 <= result["two_stage_loss"] < 1e-3
    assert {"cpu", "commit", "load", "versions"} <= set(result["provenance"])
