"""The comparison of searches over the number of atoms, in its quick form."""

from __future__ import annotations

import json
import sys

import numpy as np
import pyarrow.parquet

from benchmarks.boundary_search import __main__ as benchmark
from benchmarks.boundary_search.cases import METHODS
from benchmarks.boundary_search.replays import boundaries, replay
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.tasks.configuration import load_campaign
from tansaku.tasks.views.tabulation import METADATA_KEY

HELD = ("al-110", "fe-110")
"""Pools that the rule of ``arms`` was not chosen on."""


def test_the_quick_form_runs_and_continues(require, tmp_path, monkeypatch, capsys):
    require("lammps")
    out = tmp_path / "result.json"
    monkeypatch.setattr(sys, "argv", ["boundary_search", "--quick", "--out", str(out)])
    benchmark.main()
    result = json.loads(out.read_text())
    rows, replayed = result["rows"], result["replays"]
    assert result["provenance"]["versions"]["lammps"]
    assert [(row["method"], row["seed"]) for row in replayed] == [("arms", 0), ("arms", 1), ("random", 0), ("random", 1)]
    assert all(row["found"] and row["core_seconds"] > row["choosing"] for row in replayed)
    assert [row["method"] for row in rows] == ["arms", "random"]
    for row in rows:
        assert row["found"] == (row["lowest"] <= 943.1)
        assert row["found"] or row["evaluations"] == 8
        assert 900 < row["lowest"] < 1600
        assert row["core_seconds"] > 0
    benchmark.main()
    assert json.loads(out.read_text()) == result
    assert "cu-s5-210" in capsys.readouterr().out


def test_searches_by_arms_need_fewer_relaxations_than_random_ones():
    """On boundaries that the rule was not chosen on; ten seeds each, mean over the logarithms."""
    held = [boundary for boundary in boundaries() if boundary.name.startswith(HELD)]
    assert len(held) >= 4

    def spent(method: str) -> float:
        spec = METHODS[method].proposer
        return np.mean([np.log(np.mean([replay(of, spec, seed)["atoms"] for seed in range(10)])) for of in held])

    assert np.exp(spent("arms") - spent("random")) < 0.7


def test_the_pools_say_what_they_were_computed_with():
    tables = {boundary.table for boundary in boundaries()}
    for table in tables:
        written = json.loads(pyarrow.parquet.read_schema(table.with_name("candidates.parquet")).metadata[METADATA_KEY])
        # Keys that came later are what they are unless a file says so.
        stored = CampaignSpec.model_validate(written["spec"]).model_dump(mode="json")["space"]
        assert written["computed_by"]
        source = load_campaign(table.with_name(table.name.replace("-table", "")))
        space = source.spec.model_dump(mode="json")["space"]
        # What was found when the campaign was created is in the crystal alone.
        assert stored | {"crystal": None} == space | {"crystal": None}
    assert len(boundaries()) >= 8
