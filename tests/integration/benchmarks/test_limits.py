"""The comparison of searches under a limit: its stored result, and two of its searches again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.limits.__main__ import METHODS, PROBLEMS, SEEDS, Case, searched

RESULT = Path(__file__).parents[3] / "benchmarks" / "limits" / "result.json"


@pytest.fixture(scope="module")
def stored() -> dict:
    return json.loads(RESULT.read_text(encoding="utf-8"))


def test_learning_a_limit_is_nowhere_worse_than_ignoring_it_and_better_than_chance(stored):
    found = {(row["problem"], row["method"]): row for row in stored["summary"]}
    assert set(found) == {(problem, method) for problem in PROBLEMS for method in METHODS}
    for problem in PROBLEMS:
        assert {found[problem, method]["seeds"] for method in METHODS} == {SEEDS}
        for count, (gap, _) in found[problem, "limits"]["gap"].items():
            assert gap <= found[problem, "ignored"]["gap"][count][0]
            assert gap < 0.3 * found[problem, "random"]["gap"][count][0]


@pytest.mark.parametrize("method", METHODS)
def test_a_search_is_the_one_that_was_stored(stored, method):
    (before,) = [run for run in stored["runs"] if (run["problem"], run["method"], run["seed"]) == ("branin-disk", method, 0)]
    again = searched(Case("branin-disk", method, 0))
    assert again["gap"] == pytest.approx(before["gap"], abs=1e-3)
