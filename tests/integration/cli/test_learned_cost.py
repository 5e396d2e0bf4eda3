"""A campaign that learns what its evaluations cost, with real relaxations, as its user sees it."""

import json

import pytest

from tansaku.deploy.cli.exits import ExitCode

CAMPAIGN = """
schema_version: 1
name: learned-cost
space:
  type: grain_boundary
  crystal: {structure: fcc, element: Cu, lattice_parameter: 3.59}
  boundaries: {planes: [[1, 1, 1], [1, 1, 3]]}
  translation: {normal: [0.0, 0.4], in_plane: {step: 1.0}, along_axis: {step: 1.0}}
  spacing: 6.0
  cost: {model: measured, anchor: 2.0}
calculator: {type: emt, relaxation: {fmax: 0.1}}
proposer: {type: gp, preset: published}
budget: {cost: 1000, evaluations: 8}
execution: {in_flight: 2, polish: 0}
"""


def test_what_the_user_sees(tansaku, tmp_path):
    file = tmp_path / "learned-cost.yaml"
    file.write_text(CAMPAIGN)
    checked = tansaku("check", file)
    assert "core-seconds, estimated before any measurement" in checked.out
    done = tansaku("run", file, "--plain")
    assert done.code == ExitCode.OK, done.err
    assert "core-seconds" in done.err
    rows = json.loads(tansaku("results", "learned-cost", "--evaluations", "--json").out)
    ended = [row for row in rows if row["wall_time"] is not None]
    assert len(ended) == 8
    assert all(row["cost"] == row["wall_time"] for row in ended)
    assert any(row["cost"] != row["predicted_cost"] for row in ended)
    [status] = json.loads(tansaku("status", "learned-cost", "--json").out)
    assert (status["cost_unit"], status["limit"]) == ("core-seconds", 1000.0)
    assert status["cost"] == pytest.approx(sum(row["cost"] for row in rows))
    learned = json.loads(tansaku("show", "learned-cost", "--json").out)["learned_cost"]
    assert learned["measured"] == 8
    assert learned["model"]["n_measured"] in range(3, 9)
    assert "median of actual" in tansaku("results", "learned-cost").out
    drawn = tansaku("plot", "learned-cost", "--out", tmp_path).out
    assert "learned-cost-cost.png" in drawn


def test_a_fraction_of_the_budget_is_refused_before_anything_is_spent(tansaku, tmp_path):
    file = tmp_path / "learned-cost.yaml"
    file.write_text(CAMPAIGN.replace("cost: 1000, evaluations: 8", "fraction: 0.1"))
    refused = tansaku("run", file, "--plain")
    assert refused.code == ExitCode.USAGE
    assert "budget.fraction" in refused.err
    assert "core-seconds" in refused.err
