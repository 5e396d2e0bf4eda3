"""Many evaluations at once: the benchmark runs as users run it, and its committed result names a winner."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np

from benchmarks.batches.__main__ import Way, gap_by_time, run

ROOT = Path(__file__).resolve().parents[3]


def test_quick_run_writes_result_and_figure(tmp_path):
    out, figure = tmp_path / "result.json", tmp_path / "batches.png"
    command = [sys.executable, "-m", "benchmarks.batches", "--quick", "--out", str(out), "--figure", str(figure)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    ways = json.loads(out.read_text())["ways"]
    assert {(one["in_flight"], one["pending"], one["mode"]) for one in ways} == {
        (1, "believer", "ordered"),
        (4, "believer", "ordered"),
        (4, "liar", "ordered"),
        (4, "masked", "ordered"),
        (4, "believer", "free"),
    }
    assert all(one["speed_up"] > 1 for one in ways if one["in_flight"] == 4)
    assert figure.stat().st_size > 5_000


def test_other_treatments_choose_otherwise_only_while_something_is_pending():
    alone = [run(Way(1, pending, evaluations=20))["mean_gap"] for pending in ("believer", "liar", "masked")]
    assert alone[0] == alone[1] == alone[2]
    many = [run(Way(4, pending, evaluations=20))["mean_gap"] for pending in ("believer", "liar", "masked")]
    assert many[0] != many[1] != many[2]


def test_the_gap_at_a_time_is_that_of_what_has_ended():
    one = {"time": [2.0, 3.0, 7.0], "gap_by_time": [9.0, 5.0, 1.0]}
    assert gap_by_time(one, np.array([1.0, 2.0, 6.9, 7.0, 99.0])).tolist() == [9.0, 9.0, 5.0, 1.0, 1.0]
