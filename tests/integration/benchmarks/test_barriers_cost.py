"""Cost of a barrier by its parts: the committed result agrees with its rows, and parts add up."""

import json
from pathlib import Path

import pytest

from benchmarks import barriers
from benchmarks.barriers.cost import summary

RESULT = json.loads(Path(barriers.__file__).with_name("cost.json").read_text(encoding="utf-8"))


def test_the_committed_summary_is_that_of_its_rows():
    assert summary(RESULT["rows"]) == RESULT["summary"]
    assert len(RESULT["rows"]) >= 8


def test_parts_add_up_and_barriers_are_those_of_the_table():
    for row in RESULT["rows"]:
        assert sum(part["evaluations"] for part in row["parts"].values()) == row["evaluations"] == row["stored"]["evaluations"]
        assert sum(part["seconds"] for part in row["parts"].values()) == pytest.approx(row["seconds"], rel=0.1)
        assert row["barrier"] == pytest.approx(row["stored"]["barrier"], abs=1e-3)
