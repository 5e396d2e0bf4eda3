"""Many evaluations at once: the benchmark runs as users run it, and its committed result names a winner."""

import json
from pathlib import Path

import numpy as np

from benchmarks.replays.batches.__main__ import PENDING, Way, gap_by_time, run, treatments
from benchmarks.replays.batches.qlognei import METHODS, MINE, TABLES, summary

ROOT = Path(__file__).resolve().parents[3]
DRAWN = ROOT / "benchmarks/replays/batches/drawn.json"
BESIDE = ROOT / "benchmarks/replays/batches/qlognei.json"


def test_quick_run_writes_result_and_figure(benchmark_result):
    ways = benchmark_result("replays.batches", "--quick", figure=5_000)["ways"]
    assert {(one["in_flight"], one["pending"], one["mode"]) for one in ways} == {
        (1, "believer", "ordered"),
        (4, "believer", "ordered"),
        (4, "liar", "ordered"),
        (4, "masked", "ordered"),
        (4, "penalised", "ordered"),
        (4, "drawn", "ordered"),
        (4, "believer", "free"),
    }
    assert all(one["speed_up"] > 1 for one in ways if one["in_flight"] == 4)


def test_other_treatments_choose_otherwise_only_while_something_is_pending():
    alone = [run(Way(1, pending, evaluations=20))["mean_gap"] for pending in PENDING]
    assert all(one == alone[0] for one in alone)
    many = [tuple(run(Way(4, pending, evaluations=20))["mean_gap"]) for pending in PENDING]
    assert len(set(many)) == len(PENDING)


def test_some_treatments_alone_beside_one_at_a_time():
    chosen = treatments(["believer", "penalised"], 2)
    assert len(chosen) == 2 + 2 * 3 * 2
    assert {one.pending for one in chosen if one.in_flight > 1} == {"believer", "penalised"}
    assert all(one.ordered for one in chosen)


def test_the_gap_at_a_time_is_that_of_what_has_ended():
    one = {"time": [2.0, 3.0, 7.0], "gap_by_time": [9.0, 5.0, 1.0]}
    assert gap_by_time(one, np.array([1.0, 2.0, 6.9, 7.0, 99.0])).tolist() == [9.0, 9.0, 5.0, 1.0, 1.0]


def test_the_committed_comparison_has_ten_seeds_of_every_treatment():
    ways = json.loads((ROOT / "benchmarks/replays/batches/result.json").read_text())["ways"]
    assert {one["seeds"] for one in ways} == {10}
    found = {(one["in_flight"], one["pending"]) for one in ways if one["in_flight"] > 1}
    later = {(one["in_flight"], one["pending"]) for one in json.loads(DRAWN.read_text())["ways"] if one["in_flight"] > 1}
    assert found | later == {(n, name) for n in (4, 16, 64) for name in PENDING}


def test_the_committed_comparison_with_batches_of_botorch_is_complete_and_summed_up_again():
    result = json.loads(BESIDE.read_text())
    assert {(row["table"], row["method"]) for row in result["runs"]} == {(table, name) for table in TABLES for name in METHODS}
    assert len(result["runs"]) == 20 * len(TABLES) * len(METHODS)
    again = summary(result["runs"])
    assert again == result["summary"]
    assert again["ours_over"].keys() == set(METHODS) - {MINE}
    assert again["ours_over"]["believer"]["ratio"] < 1.0
