"""The Pandora's-box index that the benchmark compares."""

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.boundaries.cost import WAYS, summary
from benchmarks.boundaries.index import indices
from tansaku.models.engine.acquisition import expected_improvement

RESULT = Path(__file__).resolve().parents[4] / "benchmarks/boundaries/cost.json"


def test_the_improvement_on_an_index_is_the_price():
    mean, deviation = np.array([0.0, 2.0, -1.0, 5.0]), np.array([1.0, 0.5, 3.0, 1e-6])
    for price in (1e-6, 0.1, 40.0, 1e4):
        prices = np.full(4, price)
        found = indices(mean, deviation, prices)
        assert expected_improvement(mean, deviation, found) == pytest.approx(prices, rel=1e-6)


def test_the_committed_comparison_finds_none_better_than_the_first():
    result = json.loads(RESULT.read_text())
    assert summary(result["runs"]) == result["summary"]
    assert {line["way"] for line in result["summary"]} == set(WAYS)
    assert all(line["less_first"][-1] >= 0.0 and line["seeds"] >= 10 for line in result["summary"])
