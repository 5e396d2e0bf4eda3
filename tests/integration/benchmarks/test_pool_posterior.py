"""The benchmark of the pool posterior runs as users run it."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def test_quick_run_writes_every_figure(tmp_path, require):
    require("botorch")
    out = tmp_path / "result.json"
    command = [sys.executable, "-m", "benchmarks.pool_posterior", "--quick", "--out", str(out)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
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
