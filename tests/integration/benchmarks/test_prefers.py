"""The comparison of searches with an expectation: its stored result, and one of its searches again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.prefers.__main__ import EXPECTED, PROBLEMS, SEEDS, Case, searched

RESULT = Path(__file__).parents[3] / "benchmarks" / "prefers" / "result.json"


@pytest.fixture(scope="module")
def stored() -> dict:
    return json.loads(RESULT.read_text(encoding="utf-8"))


def test_a_right_expectation_helps_and_a_wrong_one_is_overridden(stored):
    found = {(row["problem"], row["expected"]): row for row in stored["summary"]}
    assert set(found) == {(problem, expected) for problem in PROBLEMS for expected in EXPECTED}
    for problem in PROBLEMS:
        gaps = {expected: found[problem, expected]["gap"] for expected in EXPECTED}
        assert {found[problem, expected]["seeds"] for expected in EXPECTED} == {SEEDS}
        for count in ("10", "15", "20"):
            assert gaps["right"][count][0] < gaps["nothing"][count][0]
        assert gaps["wrong"]["20"][0] < gaps["nothing"]["10"][0]


def test_a_search_is_the_one_that_was_stored(stored):
    (before,) = [run for run in stored["runs"] if (run["problem"], run["expected"], run["seed"]) == ("branin", "right", 0)]
    assert searched(Case("branin", "right", 0))["gap"] == pytest.approx(before["gap"], abs=1e-3)
