"""The comparison of searches for a noisy front: its stored result."""

import json
from pathlib import Path

from benchmarks.noisy_front.__main__ import COUNTS, METHODS, NOISES, PROBLEMS, SEEDS, summary

RESULT = Path(__file__).parents[3] / "benchmarks" / "noisy_front" / "result.json"


def test_neither_way_to_grow_a_front_is_shown_to_be_better_and_both_beat_chance():
    stored = json.loads(RESULT.read_text(encoding="utf-8"))
    assert summary(stored["runs"]) == stored["summary"]
    found = {(row["problem"], row["noise"], row["method"]): row for row in stored["summary"]}
    assert {row["seeds"] for row in stored["summary"]} == {SEEDS}
    for problem in PROBLEMS:
        for noise in NOISES:
            for count in map(str, COUNTS):
                mean, error = found[problem, noise, METHODS[0]]["difference"][count]
                assert abs(mean) <= 2 * error
        for method in METHODS[:2]:
            assert found[problem, 0.1, method]["volume"]["40"][0] > found[problem, 0.1, "random"]["volume"]["40"][0] + 0.2
