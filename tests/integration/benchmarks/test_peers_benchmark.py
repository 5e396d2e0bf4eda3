"""The comparison with other people's optimisers runs, from the command to the file."""

import subprocess
import sys
from pathlib import Path

from tansaku.models.engine.peers.registry import PACKAGES
from tansaku.tasks.replay.records import BenchResult

ROOT = Path(__file__).parents[3]


def test_every_peer_runs_on_the_same_initial_design(require, tmp_path):
    for package in PACKAGES.values():
        require(package)
    out = tmp_path / "result.json"
    command = [sys.executable, "-m", "benchmarks.peers", "--quick", "--jobs", "2", "--out", str(out)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stderr
    result = BenchResult.model_validate_json(out.read_text())
    assert {run.method for run in result.runs} == {"random", "default", *PACKAGES}
    assert len({tuple(run.candidates[: run.n_initial]) for run in result.runs}) == 1
    assert all(len(run.candidates) > run.n_initial + 1 for run in result.runs)
    assert "s per proposal" in done.stdout
