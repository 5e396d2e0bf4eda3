"""Midpoints against bands: the benchmark goes on where it stopped, and the committed result says what it has to."""

import json
from pathlib import Path

import pytest

from benchmarks.barriers.__main__ import known, summary
from benchmarks.barriers.crystals import cases

ROOT = Path(__file__).resolve().parents[3]


def test_a_run_goes_on_with_what_its_file_has(run_benchmark, tmp_path):
    out = tmp_path / "result.json"
    command = ["barriers", "--quick", "--out", str(out)]
    first = run_benchmark(*command, timeout=300)
    assert first.returncode == 0, first.stderr
    assert first.stdout.count("classes of hops") == 3
    result = json.loads(out.read_text())
    assert result["hops"] == result["metals"]["hops"] >= 3
    assert result["tavorites"]["hops"] == 0
    out.write_text(json.dumps({**result, "crystals": result["crystals"][:2]}))
    again = run_benchmark(*command, timeout=300)
    assert again.returncode == 0, again.stderr
    assert again.stdout.count("classes of hops") == 1
    assert json.loads(out.read_text())["crystals"][:2] == result["crystals"][:2]


def test_families_are_parts_of_all():
    names = {family: [case.name for case in cases(family)] for family in ("metals", "tavorites", "all")}
    assert names["all"] == names["metals"] + names["tavorites"]
    assert len(set(names["all"])) == len(names["all"])


def test_the_committed_result_agrees_with_its_hops():
    result = json.loads((ROOT / "benchmarks/barriers/result.json").read_text())
    again = summary(known(ROOT / "benchmarks/barriers/result.json"))
    assert again["hops"] == result["hops"] >= 30
    assert result["rank_correlation"] == pytest.approx(again["rank_correlation"])
    assert result["rank_correlation"] >= 0.95
    assert result["median_difference_ev"] < 1e-3
