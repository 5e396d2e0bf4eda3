"""Spaces of parameters against continuous optimisation: points that others begin with, and what a summary says of regrets."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from benchmarks.parameters import __main__ as comparison
from benchmarks.parameters.refined import search
from tansaku.tasks.node.jobs.spool_files import read_json

CONSTRAINED = comparison.PROBLEMS["hartmann6, sum at most 1.5"]


def test_initial_points_of_others_meet_the_constraint():
    points = CONSTRAINED.spread(12, seed=3)
    assert points.shape == (12, 6)
    assert points.sum(axis=1).max() <= 1.5
    assert len(np.unique(points, axis=0)) == 12


def test_a_search_has_the_initial_points_of_a_new_campaign_and_keeps_the_constraint():
    points, values = search(CONSTRAINED.spec(0), 8, seed=0)
    assert points.sum(axis=1).max() <= 1.5 + 1e-9
    assert values == pytest.approx(CONSTRAINED.value(points))
    fewer, _ = search(CONSTRAINED.spec(0), 5, seed=0, initial=5)
    assert fewer[:3].tolist() == points[:3].tolist()
    assert fewer[3:].tolist() != points[3:5].tolist()


def test_a_summary_pairs_seeds_and_leaves_out_marks_without_an_allowed_value():
    def row(method: str, seed: int, *, first: float | None, end: float) -> dict:
        return {
            "problem": "p",
            "method": method,
            "seed": seed,
            "best": [first] * 20 + [end] * 10,
            "seconds_per_proposal": 1.0,
        }

    rows = [
        row("tansaku", 0, first=5.0, end=1.0),
        row("tansaku", 1, first=5.0, end=2.0),
        row("ax", 0, first=None, end=2.0),
        row("ax", 1, first=6.0, end=5.0),
        row("ax", 2, first=6.0, end=9.0),
    ]
    ours, theirs = comparison.summary(rows, {"p": 1.0})
    assert ours["regret_means"] == {"20": 4.0, "30": 0.5}
    assert theirs["regret_means"] == {"30": pytest.approx(13 / 3)}
    assert theirs["seeds"] == 3
    assert theirs["paired"] == pytest.approx([-2.0, 1.0])


def test_an_interrupted_comparison_goes_on(tmp_path, monkeypatch):
    out = tmp_path / "result.json"
    words = ["parameters", "--quick", "--methods", "tansaku", "--out", str(out), "--problems"]
    monkeypatch.setattr(sys, "argv", [*words, "hartmann6"])
    comparison.main()
    first = read_json(out)
    monkeypatch.setattr(sys, "argv", [*words, "hartmann6", "hartmann6, sum at most 1.5"])
    comparison.main()
    both = read_json(out)
    assert first is not None
    assert both is not None
    assert both["runs"][: len(first["runs"])] == first["runs"]
    assert [row["problem"] for row in both["runs"]] == ["hartmann6", "hartmann6, sum at most 1.5"]
