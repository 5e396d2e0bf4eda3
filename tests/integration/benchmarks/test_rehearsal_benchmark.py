"""Promised against happened: the benchmark runs as users run it, and compares the same tolerances and numbers."""

import pytest

from benchmarks.replays.rehearsal.__main__ import compared


def test_quick_run_writes_result_and_figure(benchmark_result):
    result = benchmark_result("replays.rehearsal", "--quick", figure=5_000)
    assert (result["n_replays"], {line["evaluations"] for line in result["compared"]}) == (2, {20})
    assert result["n_campaigns"] >= 200


def test_shares_are_of_the_same_tolerance_and_number():
    known = [False] * 19 + [True] * 21
    replays = [
        {"source": "spread", "known": {f"{x:.1f}": known for x in (1, 2, 5, 10, 20)}},
        {"source": "spread", "known": {f"{x:.1f}": [False] * 40 for x in (1, 2, 5, 10, 20)}},
    ]
    answers = [
        {"tolerance": 5.0, "number": 20, "right": [True, True]},
        {"tolerance": 5.0, "number": 40, "right": [True, False]},
        {"tolerance": 1.0, "number": 40, "right": [True, True]},
    ]
    sure = [{"source": "like", "known": {f"{x:.1f}": [True] * 40 for x in (1, 2, 5, 10, 20)}}]
    found = compared([*replays, *sure], [{"answers": answers}])
    assert {one["promised"] for one in found if one["source"] == "like"} == {1.0}
    lines = {(one["tolerance"], one["evaluations"]): one for one in found if one["source"] == "spread"}
    assert set(lines) == {(5.0, 20), (5.0, 40), (1.0, 40)}
    assert (lines[5.0, 20]["promised"], lines[5.0, 20]["happened"]) == (pytest.approx(0.5), 1.0)
    assert lines[5.0, 40]["happened"] == 0.0
