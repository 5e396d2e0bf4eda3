"""The comparison of searches for the stable crystals of binary alloys."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from benchmarks.hull.__main__ import ALLOYS, SEEDS, Case, searched, summary

RESULT = Path(__file__).parents[3] / "benchmarks" / "hull" / "result.json"


def test_stable_crystals_are_found_several_times_sooner_than_at_random():
    stored = json.loads(RESULT.read_text(encoding="utf-8"))
    assert summary(stored["runs"]) == stored["summary"]
    found = {(row["alloy"], row["method"]): row for row in stored["summary"]}
    for alloy in ALLOYS:
        row = found[alloy, "hull_gain"]
        assert (row["complete"], row["seeds"]) == (SEEDS, SEEDS)
        assert 3 * row["most"] < row["random"]


def test_the_true_hull_of_copper_and_gold_is_found_sooner_than_at_random():
    runs = [searched(Case("Cu-Au", "hull_gain", seed, longest=2, most=20)) for seed in range(2)]
    assert {(run["crystals"], run["stable"]) for run in runs} == {(25, 3)}
    assert np.mean([run["needed"] for run in runs]) < 0.7 * 3 * 26 / 4
