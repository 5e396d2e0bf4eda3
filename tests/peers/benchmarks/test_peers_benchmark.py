"""The comparison with other people's optimisers runs, from the command to the file."""

import json
import zipfile

import numpy as np
import pytest

from benchmarks.peers.driven import PeerError, Search, drive
from benchmarks.peers.public import write_table
from tansaku.peers.registry import PACKAGES
from tansaku.spaces.table import TableSpace
from tansaku.tasks.act.replay.records import BenchResult
from tansaku.tasks.node.configuration.campaign_files import load_campaign


def test_every_peer_runs_on_the_same_initial_design(run_benchmark, require, tmp_path):
    for package in PACKAGES.values():
        require(package)
    out = tmp_path / "result.json"
    command = ["peers", "--quick", "--jobs", "2", "--out", str(out)]
    done = run_benchmark(*command, timeout=900, forked=True)
    assert done.returncode == 0, done.stderr
    result = BenchResult.model_validate_json(out.read_text())
    assert {run.method for run in result.runs} == {"random", "default", *PACKAGES}
    assert len({tuple(run.candidates[: run.n_initial]) for run in result.runs}) == 1
    assert all(len(run.candidates) > run.n_initial + 1 for run in result.runs)
    assert "s per proposal" in done.stdout


def test_a_driver_that_fails_is_named_with_its_last_words(tmp_path):
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\necho no such package >&2\nexit 1\n")
    broken.chmod(0o755)
    with pytest.raises(PeerError, match="ax: no such package"):
        drive(broken, "ax", Search(np.zeros((2, 3)), 4, None, 0), lambda points: points.sum(axis=1))


def test_a_public_table_becomes_a_campaign_and_repeats_count_once(tmp_path):
    about = {
        "parameters": [{"name": "t"}, {"name": "p"}],
        "measurements": [{"name": "yield"}],
        "default_goal": "maximize",
    }
    wheel = tmp_path / "olymp-0.0.1b0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as package:
        package.writestr("olympus/datasets/dataset_suzuki/config.json", json.dumps(about))
        package.writestr("olympus/datasets/dataset_suzuki/data.csv", "1,2,10\n1,2,20\n3,4,5\n")
    space = TableSpace(load_campaign(write_table(wheel, "suzuki", tmp_path / "public")).spec.space, tmp_path / "public")
    assert space.values().tolist() == [15.0, 5.0]
    assert sorted(space.pool().groups) == ["p", "t"]
