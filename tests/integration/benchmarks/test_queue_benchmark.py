"""The benchmark of the queue works and says what its page promises."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def check(result):
    for one in result["by_bundle"]:
        assert one["jobs"] >= one["candidates"] / one["bundle"]
        assert one["wall_ratio_to_sbatch"] == one["wall_s"] / one["sbatch_wall_s"] > 0
        assert {"overhead_per_job_s", "jobs_per_minute", "candidates_per_minute"} <= set(one)
    assert {"evaluations", "launcher_memory_mb", "submit_ms", "poll_all_s"} <= set(result["memory"])
    assert result["provenance"]["cpu"]


def test_a_quick_run_says_what_a_bundle_costs(require, tmp_path):
    require("slurm")
    require("lammps")
    require("mongod")
    out = tmp_path / "result.json"
    log = tmp_path / "log.txt"
    with log.open("wb") as output:
        command = [sys.executable, "-m", "benchmarks.queue", "--quick", "--out", str(out)]
        done = subprocess.run(command, cwd=ROOT, stdout=output, stderr=output, check=False)
    assert done.returncode == 0, log.read_text()
    result = json.loads(out.read_text())
    check(result)
    assert [one["bundle"] for one in result["by_bundle"]] == [1, 10]
    assert "wall_ratio_to_sbatch" in log.read_text()


def test_the_committed_result_is_of_the_full_sizes():
    result = json.loads((ROOT / "benchmarks" / "queue" / "result.json").read_text())
    check(result)
    assert [one["bundle"] for one in result["by_bundle"]] == [1, 10, 100]
    assert result["memory"]["evaluations"] == 10_000
