"""The comparison with other people's optimisers runs, from the command to the file."""

from tansaku.models.engine.peers.registry import PACKAGES
from tansaku.tasks.replay.records import BenchResult


def test_every_peer_runs_on_the_same_initial_design(run_benchmark, require, tmp_path):
    for package in PACKAGES.values():
        require(package)
    out = tmp_path / "result.json"
    command = ["peers", "--quick", "--jobs", "2", "--out", str(out)]
    done = run_benchmark(*command, timeout=900)
    assert done.returncode == 0, done.stderr
    result = BenchResult.model_validate_json(out.read_text())
    assert {run.method for run in result.runs} == {"random", "default", *PACKAGES}
    assert len({tuple(run.candidates[: run.n_initial]) for run in result.runs}) == 1
    assert all(len(run.candidates) > run.n_initial + 1 for run in result.runs)
    assert "s per proposal" in done.stdout
