"""The two composition searches that ship."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.spaces.space_registry import open_space

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@pytest.mark.parametrize("name", ["tavorite-li", "tavorite-na"])
def test_159_compositions_by_chgnet(name, require):
    require("pymatgen")
    spec = CampaignSpec.model_validate(yaml.safe_load((EXAMPLES / f"{name}.yaml").read_text(encoding="utf-8")))
    assert spec.name == name
    assert len(open_space(spec.space, EXAMPLES).pool()) == 159
    assert spec.calculator.type == "chgnet"
    assert spec.calculator.workflow.type == "migration_barrier"
    assert spec.objective.unit == "eV"


def test_sodium_learns_from_lithium():
    spec = CampaignSpec.model_validate(yaml.safe_load((EXAMPLES / "tavorite-na.yaml").read_text(encoding="utf-8")))
    assert [source.name for source in spec.transfer.sources] == ["tavorite-li"]


@pytest.mark.slow
def test_both_run_one_after_the_other(run, require, tmp_path):
    """Two evaluations of each by CHGNet, the second of sodium chosen by what lithium taught."""
    require("chgnet")
    require("pymatgen")

    for name, ion in (("tavorite-li", "Li"), ("tavorite-na", "Na")):
        text = (EXAMPLES / f"{name}.yaml").read_text(encoding="utf-8")
        assert "budget: {evaluations: 40}" in text
        (tmp_path / f"{name}.yaml").write_text(text.replace("evaluations: 40", "evaluations: 2"), encoding="utf-8")
        run("run", str(tmp_path / f"{name}.yaml"), "--plain")
        rows = json.loads(run("results", name, "--json"))
        assert len(rows) == 2
        done = [row for row in rows if row["state"] == "DONE"]
        assert done
        for row in done:
            assert row["formula"].startswith(ion)
            assert 0.0 < row["E_b"] < 3.0
            assert row["hops"][-1] == row["limiting_hop"]
            assert row["model_sha256"]
        assert {path.name for path in map(Path, run("plot", name, "--out", str(tmp_path)).split())} >= {
            f"{name}-{kind}.png" for kind in ("map", "profiles")
        }
    transfer = json.loads(run("show", "tavorite-na", "--json"))["transfer"]["now"]
    assert transfer["mode"] in transfer["evidence"]
    assert len(transfer["sources"]) == 1
    evaluations = sorted(json.loads(run("results", "tavorite-na", "--evaluations", "--json")), key=lambda row: row["round"])
    assert [row["initial"] for row in evaluations] == [True, False]
