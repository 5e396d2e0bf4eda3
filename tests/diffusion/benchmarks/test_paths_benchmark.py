"""Barriers of ions: the benchmark continues where it stopped, and the committed result says what its runs say."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.paths import grid_error, planes, starts
from benchmarks.paths.__main__ import TOLERANCE, calibration, goal, known_problem, settled, summary
from benchmarks.paths.hosts import HOSTS, TUNING, read_surface, surface_values, write_surface
from benchmarks.paths.methods import SCORES, Problem, certified, search, started, stopped
from benchmarks.paths.starts import STARTS
from tansaku.models.engine.percolation import bottleneck

ROOT = Path(__file__).resolve().parents[3]
RESULT = ROOT / "benchmarks/paths/result.json"


def test_a_run_continues_with_what_its_file_has(run_benchmark, tmp_path):
    out = tmp_path / "result.json"
    command = ["paths", "--quick", "--out", str(out), "--figure", str(tmp_path / "figure.png")]
    first = run_benchmark(*command, timeout=300)
    assert first.returncode == 0, first.stderr
    result = json.loads(out.read_text())
    assert [run["method"] for run in result["runs"]] == list(SCORES)
    assert (tmp_path / "figure.png").stat().st_size > 5000
    assert (tmp_path / "figure-low.png").stat().st_size > 5000
    out.write_text(json.dumps({**result, "runs": result["runs"][:3]}))
    again = run_benchmark(*command, timeout=300)
    assert again.returncode == 0, again.stderr
    assert again.stdout.count("within 10 meV after") == 1
    assert json.loads(out.read_text())["runs"] == result["runs"]


def test_the_committed_surfaces_belong_to_their_hosts():
    assert all(host.chosen_on for host in TUNING)
    finished = [host for host in (*HOSTS, *TUNING) if host.file.is_file()]
    assert len(finished) >= 1
    for host in finished:
        values = surface_values(host, host.space())
        assert values is not None, f"{host.name} is not finished"
        assert np.isfinite(values).mean() > 0.9
        assert read_surface(host.file)[1]["code"] == "chgnet"


def test_a_surface_is_read_as_it_was_written(tmp_path):
    path = tmp_path / "surface.parquet"
    write_surface(path, ["a", "b"], [1.5, float("inf")], {"code": "test"})
    assert read_surface(path) == ({"a": 1.5, "b": float("inf")}, {"code": "test"})


def test_what_a_search_is_judged_by():
    assert settled({"error": [None, 0.5, 0.001, 0.02, 0.0, 0.0]}) == 5
    assert settled({"error": [0.0, 0.5]}) is None
    assert TOLERANCE == 0.01


@pytest.mark.parametrize("method", SCORES)
def test_a_search_is_the_same_again_and_counts_what_it_computed(method):
    host = HOSTS[0]
    space = host.space()
    values = surface_values(host, space)
    problem = Problem(space.pool(), values)
    first, again = (search(problem, method, 3, 10) for _ in range(2))
    assert first == again
    assert {len(first[key]) for key in ("error", "right", "known")} == {10}
    assert search(problem, method, 4, 10) != first


def test_all_methods_begin_with_the_points_of_the_start():
    host = HOSTS[0]
    problem = known_problem(host)
    assert len(set(started(problem, 0))) == 4
    assert started(problem, 0) != started(problem, 1)
    assert len(started(problem, 0, STARTS["symmetric 4"])) == 4
    begun = [search(problem, method, 0, 4, STARTS["symmetric 4"])["error"] for method in ("random", "straddle")]
    assert begun[0] == begun[1]
    assert search(problem, "random", 0, 4, STARTS["random 4"])["error"] != begun[0]
    runs = [
        {"host": "a", "start": "random 4", "method": "random", "seed": seed, "within_10_mev": count}
        for seed, count in enumerate((9, None, 11))
    ]
    assert starts.summary(runs) == [
        {"host": "a", "start": "random 4", "method": "random", "within_10_mev": [9, None, 11], "median": 11}
    ]


def test_roomy_points_are_low_and_the_committed_starts_say_what_they_save():
    problem = known_problem(TUNING[2])
    grid = problem.pool.grids[problem.pool.systems[0]]
    low = problem.values <= bottleneck(problem.values, grid).levels[2]
    assert low[grid.room >= np.quantile(grid.room, 0.9)].mean() > 3 * low.mean()
    assert sum(low[started(problem, seed, STARTS["roomy 4"])].sum() for seed in range(5)) > 20 * low.mean()
    result = json.loads((ROOT / "benchmarks/paths/starts.json").read_text())
    assert starts.summary(result["runs"]) == result["summary"]
    counts = {
        start: [
            run["within_10_mev"]
            for run in result["runs"]
            if (run["start"], run["method"]) == (start, "dominance") and run["host"] in {host.name for host in TUNING}
        ]
        for start in ("random 8", "roomy 4")
    }
    assert len(counts["roomy 4"]) == len(counts["random 8"]) == 3 * len(TUNING)
    assert np.mean(counts["roomy 4"]) < np.mean(counts["random 8"]) - 3


def test_points_fall_to_the_minima_of_their_planes_and_ridges_vanish():
    # Two channels along the first vector behind ridges of 5: that with the lowest point is shut at 2, the other one is not.
    surface = np.tile(np.array([4.0, 0.0, 4.0, 5.0, 4.0, 0.0, 4.0, 5.0]), (4, 1))[:, :, None]
    surface[:, 1, 0], surface[:, 5, 0] = [0.0, 0.5, 2.0, 0.5], [1.0, 0.5, 0.5, 0.5]
    assert planes.along_first(surface) == 2.0
    assert planes.along_first(planes.fallen(surface)) == 0.5
    shut = np.where(np.arange(4)[:, None, None] == 2, np.inf, surface)
    assert planes.along_first(shut) == np.inf
    assert np.isinf(planes.fallen(shut)[2]).all()
    result = json.loads((ROOT / "benchmarks/paths/planes.json").read_text())
    for row in result["hosts"]:
        assert row["floor"] <= row["planes"] + 1e-9 <= row["surface"] + 2e-9


def test_certificates_are_counted_by_whether_they_contain_the_true_barrier():
    looks = [
        {"number": 10, "error": 0.3, "tolerance": 0.2, "probability": 0.1},
        {"number": 15, "error": 0.1, "tolerance": 0.2, "probability": 0.5},
        {"number": 20, "error": None, "tolerance": None, "probability": 0.0},
        {"number": 25, "error": 0.0, "tolerance": 0.0, "probability": 1.0},
    ]
    assert stopped({"certificates": looks}) == looks[3]
    found = calibration([{"certificates": looks}, {"certificates": looks[:1]}, {}])
    assert (found["looks"], found["without"], found["inside"]) == (4, 1, 0.5)
    assert found["open"] == {"looks": 3, "inside": pytest.approx(1 / 3)}
    assert found["stops"] == {"looks": 1, "inside": 1.0, "within_10_mev": 1.0, "median_evaluations": 25, "searches": 2}


def test_the_committed_searches_with_random_starts_agree_with_their_runs():
    result = json.loads(RESULT.with_name("random-start.json").read_text())
    rows = summary(result["hosts"], result["runs"])
    assert rows == result["summary"]
    assert goal(result["hosts"], rows) == pytest.approx(result["goal"])
    assert calibration(result["runs"]) == result["calibration"]


def test_the_committed_result_agrees_with_its_runs():
    result = json.loads(RESULT.read_text())
    rows = summary(result["hosts"], result["runs"])
    assert rows == result["summary"]
    assert goal(result["hosts"], rows) == pytest.approx(result["goal"])
    assert calibration(result["runs"]) == result["calibration"]
    # A host whose bottleneck few points are below has few of them among the points that a search begins with.
    for host in result["hosts"]:
        assert 0 < host["low_points"] < host["points"]
        assert len(host["low_points_of_start"]) == 5
    problem = known_problem(HOSTS[0])
    low = problem.values <= problem.values.min() + result["hosts"][0]["barriers"][2]
    assert [int(low[started(problem, seed)].sum()) for seed in range(5)] == result["hosts"][0]["low_points_of_start"]
    by_method = {method: [row["median"] for row in rows if row["method"] == method] for method in SCORES}
    assert np.median(by_method["dominance"]) < np.median(by_method["random"])


def test_what_is_said_of_the_grids_error_is_what_the_committed_rows_say():
    result = json.loads((ROOT / "benchmarks/paths/grid-error.json").read_text())
    assert {row["host"] for row in result["surfaces"]} == {host.name for host in HOSTS}
    of = {number: [row for row in result["surfaces"] if row["connectivity"] == number] for number in (26, 6)}
    assert result["summary"] == {
        "surfaces_26": grid_error.summary(of[26]),
        "surfaces_6": grid_error.summary(of[6]),
        "searches": grid_error.summary(result["searches"]),
    }
    assert all(found["inside"] >= 0.95 for found in result["summary"].values())
    bands = {row["host"]: row for row in json.loads(RESULT.read_text())["bands"]}
    for row in of[26]:
        assert row["error"] == pytest.approx(bands[row["host"]]["barrier"] - bands[row["host"]]["on_grid"])


def test_the_error_of_a_grid_is_measured_again_as_it_is_committed(tmp_path, monkeypatch):
    out = tmp_path / "grid-error.json"
    monkeypatch.setattr(sys, "argv", ["grid_error", "--out", str(out), "--hosts", "h-cao", "--seeds", "0"])
    grid_error.main()
    made = json.loads(out.read_text())
    committed = json.loads((ROOT / "benchmarks/paths/grid-error.json").read_text())
    assert made["provenance"]["versions"]["tansaku"]
    rows = [row for row in committed["surfaces"] if row["host"] == "h-cao"]
    for row, known in zip(made["surfaces"], rows, strict=True):
        assert row == known | {key: pytest.approx(known[key], abs=1e-4) for key in ("barrier", "error", "shift", "bound")}


def test_a_search_that_a_certificate_may_end_keeps_computed_energies():
    problem = known_problem(HOSTS[0])
    count, expected = certified(problem, 3, 10)
    assert count == 10  # no certificate stops it so early
    assert (expected == problem.values).sum() >= count
