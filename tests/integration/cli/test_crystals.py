"""Crystals and their scans as a data set: half of it stored, carried to where nothing is known, and gone on with there."""

from __future__ import annotations

import json

import pytest

from tansaku.models.domain.specs.dataset import FileSourceSpec
from tansaku.tasks.loop.datasets.extxyz import read_user_file

DATASET = """\
schema_version: 1
name: copper-scans
source:
  type: computed
  space:
    type: crystals
    crystals:
      fcc: {structure: fcc, elements: [Cu], lattice_parameter: 3.6}
      bcc: {structure: bcc, elements: [Cu], lattice_parameter: 2.87}
    scans:
      - {type: lattice, percent: {start: -6, stop: 6, steps: 4}}
      - {type: rattle, atoms: [4], draws: 3, strain: 1}
  calculator: {type: emt}
  per_system: PER
  force_consistent: true
  execution: {in_flight: 2, polish: 0}
split: {type: groups, held_out: [bcc-lattice, "fcc-rattle-*"]}
"""


@pytest.fixture
def scans(tmp_path, require):
    require("h5py")

    def write(per_system: str):
        file = tmp_path / "copper-scans.yaml"
        file.write_text(DATASET.replace("PER", per_system))
        return file

    return write


def latest(tansaku) -> dict:
    return [one for one in json.loads(tansaku("dataset", "list", "--json").out) if one["name"] == "copper-scans"][-1]


def test_scans_are_computed_carried_and_gone_on_with(tansaku, scans, tmp_path):
    assert "no finished evaluation" in tansaku("dataset", "build", scans("1"), "--so-far").err
    built = tansaku("dataset", "build", scans("1"), "--plain")
    assert built.code == 0, built.err
    first = latest(tansaku)
    assert first["groups"] == {
        "bcc-lattice": "held_out",
        "fcc-rattle-0.1": "held_out",
        "bcc-rattle-0.1": "training",
        "fcc-lattice": "training",
    }
    assert (first["structures"], first["properties"]) == (4, ["energies", "energy", "forces", "stress"])

    file = tmp_path / "scans.parquet"
    exported = tansaku("export", "copper-scans", "--observations", file, "--with-structures")
    assert exported.code == 0, exported.err
    assert tansaku("delete", "copper-scans", "--yes").code == 0
    assert tansaku("import", "--observations", file).out.startswith("copper-scans: imported 4 new of 4 evaluations")
    carried = tansaku("dataset", "build", scans("1"), "--so-far")
    assert carried.code == 0, carried.err
    assert latest(tansaku)["sha256"] == first["sha256"]

    # The rest is computed, the file's part is not.
    whole = tansaku("dataset", "build", scans("null"), "--plain")
    assert "copper-scans: 14 structures" in whole.out, whole.err
    rows = json.loads(tansaku("results", "copper-scans", "--evaluations", "--json").out)
    assert sorted(row["system"] for row in rows[:4]) == sorted(first["groups"])
    assert {row["unit"] for row in rows} == {"eV/atom"}

    out = tmp_path / "scans.extxyz.gz"
    assert tansaku("dataset", "export", "copper-scans", "--out", out).code == 0
    examples = read_user_file(out, FileSourceSpec(path="x", group="group"))
    assert len(examples) == 14
    assert {one.info["scan"] for one in examples} == {"lattice", "rattle"}


def test_structures_go_into_a_file_of_observations_only(tansaku, scans):
    assert "requires --observations FILE" in tansaku("export", "copper-scans", "--with-structures", "--table", "x").err
