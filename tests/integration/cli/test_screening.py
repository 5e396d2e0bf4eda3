"""A screen by the command that a user types: from a trained model to ranked boundaries, killed and gone on with."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tansaku.tasks.read.screening.rows import read_table

SCREEN = """\
schema_version: 1
name: copper-screen
model: screening-copper
space:
  type: grain_boundary
  crystal: {structure: fcc, element: Cu, lattice_parameter: 3.6}
  boundaries: {max_sigma: 9}
  spacing: 8.0
axes: [[1, 1, 0], [1, 0, 0]]
calculator: {type: emt, relaxation: {fmax: 0.3}}
per_system: 1
execution: {in_flight: 2, polish: 0}
"""


@pytest.fixture
def folder(copper) -> Path:
    folder = copper("screened-copper", "screening-copper")
    (folder / "screen.yaml").write_text(SCREEN)
    return folder


def test_boundaries_of_several_axes_are_relaxed_predicted_and_ranked(tansaku, folder):
    missing = tansaku("model", "screen", folder / "screen.yaml", "--out", folder / "t.csv", "--plain")
    assert missing.code == 3
    assert "no model 'screening-copper' is stored" in missing.err
    assert tansaku("status", "copper-screen-110").code == 3
    assert tansaku("dataset", "build", folder / "screened-copper.yaml", "--plain").code == 0
    assert tansaku("model", "train", folder / "model.yaml").code == 0

    command = ("model", "screen", folder / "screen.yaml", "--out", folder / "t.csv", "--plain")
    ended = tansaku(*command, "--figures", folder / "figures", "--json")
    assert ended.code == 0, ended.err
    told = json.loads(ended.out)
    rows = read_table(folder / "t.csv")
    assert told["structures"] == len(rows) == told["boundaries"]
    assert f"{len(rows)} structures predicted in" in ended.err
    assert {tuple(sorted(map(abs, one.axis))) for one in rows} == {(0, 1, 1), (0, 0, 1)}
    assert [one.predicted for one in rows] == sorted(one.predicted for one in rows)
    assert rows[0].sigma == 3
    assert told["rank_correlation"]["structures"] > 0.5
    assert (folder / "t.csv").read_text().splitlines()[1].endswith(",screening-copper@1,emt")
    assert {path.name for path in (folder / "figures").iterdir()} == {"copper-screen-ranks.png", "copper-screen-atoms.png"}

    # A kill leaves some rows and a half; only the others are predicted again, and all are as they were.
    (kept,) = Path(os.environ["TANSAKU_HOME"], "screens", "copper-screen").glob("*.jsonl")
    lines = kept.read_bytes().splitlines(keepends=True)
    kept.write_bytes(b"".join(lines[:3]) + lines[3][:50])
    again = tansaku(*command)
    assert again.code == 0, again.err
    assert f"{len(rows) - 3} structures predicted in" in again.err
    assert read_table(folder / "t.csv") == rows
    assert "rank correlation with the calculator that relaxed them" in again.out
    assert "predicted in" not in tansaku(*command).err


@pytest.mark.parametrize(
    ("out", "message"), [("table.xlsx", "ends in .csv or .csv.gz"), ("no/such/t.csv", "expected an existing folder")]
)
def test_a_wrong_output_is_refused_first(tansaku, folder, monkeypatch, out, message):
    monkeypatch.chdir(folder)
    ended = tansaku("model", "screen", folder / "screen.yaml", "--out", out)
    assert ended.code == 2
    assert message in ended.err
