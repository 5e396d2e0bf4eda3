"""Methods that carry transfer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.engine.transfer.proposer import TransferProposer
from tansaku.tasks.act.replay.bench import run_bench
from tansaku.tasks.act.replay.methods import build_method, split_method
from tansaku.tasks.act.replay.records import BenchOptions, ReplayTask
from tansaku.tasks.act.replay.run import open_table, run_one
from tansaku.tasks.node.configuration.campaign_files import LoadedCampaign, load_campaign

FEATURES = "{place: {columns: [x, y]}}"
CAMPAIGN = f"""\
schema_version: 1
space:
  type: table
  candidates: target.csv
  columns: {{id: id, value: value}}
  features: {FEATURES}
objective: {{unit: eV}}
transfer:
  mode: joint
  sources:
    - type: table
      name: known
      space: {{candidates: source.csv, columns: {{id: id, value: value}}, features: {FEATURES}}}
budget: {{evaluations: 9}}
"""


def _write(path: Path, seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    x, y = rng.uniform(size=(2, n))
    value = np.sin(6 * x) + np.cos(5 * y) + 0.1 * rng.normal(size=n)
    rows = [f"c{i:02d},{x[i]},{y[i]},{value[i]}" for i in range(n)]
    path.write_text("\n".join(["id,x,y,value", *rows]) + "\n")


@pytest.fixture
def transferring(tmp_path: Path) -> Path:
    """A campaign on a table with another table as its source."""
    _write(tmp_path / "target.csv", 0, 40)
    _write(tmp_path / "source.csv", 1, 40)
    path = tmp_path / "transferring.yaml"
    path.write_text(CAMPAIGN)
    return path


def _run(campaign: LoadedCampaign, method: str) -> list[str]:
    return run_one(ReplayTask(spec=campaign.spec, base_path=str(campaign.base_path), method=method, seed=1)).candidates


def test_a_method_is_a_proposer_and_a_mode():
    assert split_method("default") == ("default", None)
    assert split_method("default+auto") == ("default", "auto")
    assert split_method("spec+none") == ("spec", "none")
    with pytest.raises(ConfigurationError, match="transfer mode 'both' is not known; expected one of auto, none"):
        split_method("default+both")


def test_each_mode_is_a_method_and_spec_does_as_the_file_says(transferring):
    campaign = load_campaign(transferring)
    found = {
        method: _run(campaign, method)
        for method in ("default", "default+none", "default+hyperparameters", "default+posterior", "default+joint", "spec")
    }
    assert found["default"] == found["default+none"]
    assert found["spec"] == found["default+joint"]
    assert found["default+hyperparameters"] != found["default"] != found["default+posterior"]
    assert {tuple(one[:1]) for one in found.values()} == {tuple(found["default"][:1])}


def test_bench_compares_modes(transferring, tmp_path):
    options = BenchOptions(methods=("random", "default+posterior", "default+auto"), seeds=(0,))
    result = run_bench(load_campaign(transferring), options, tmp_path / "out.json")
    assert result.methods() == ["random", "default+posterior", "default+auto"]


def test_transfer_needs_sources_that_a_replay_can_read(transferring, campaign_file):
    without = load_campaign(campaign_file)
    task = ReplayTask(spec=without.spec, base_path=str(without.base_path), method="default", seed=0)
    with pytest.raises(ConfigurationError, match="has no `transfer` key with sources"):
        build_method("default+joint", without.spec, open_table(task).pool(), without.base_path)
    text = transferring.read_text()
    transferring.write_text(text[: text.index("    - type: table")] + "    - {type: campaign, name: stored}\n")
    campaign = load_campaign(transferring)
    with pytest.raises(ConfigurationError, match="`tansaku export stored --table`"):
        _run(campaign, "spec")
    assert len(_run(campaign, "default")) > 9


def test_a_proposer_that_cannot_learn_is_no_method(transferring):
    campaign = load_campaign(transferring)
    with pytest.raises(ConfigurationError, match="has no model"):
        _run(campaign, "random+joint")
    with pytest.raises(ConfigurationError, match=r"needs proposer\.hyperparameters map"):
        _run(campaign, "published+joint")


def test_a_method_builds_the_transfer_proposer(transferring):
    campaign = load_campaign(transferring)
    task = ReplayTask(spec=campaign.spec, base_path=str(campaign.base_path), method="spec", seed=0)
    proposer = build_method("default+auto", campaign.spec, open_table(task).pool(), campaign.base_path)
    assert isinstance(proposer, TransferProposer)
    assert proposer.name == "default+auto"


def test_all_methods_start_from_as_many_points_as_the_file_says(transferring, require):
    require("sklearn")
    transferring.write_text(transferring.read_text() + "proposer: {type: gp, preset: abo, initial_points: 4}\n")
    campaign = load_campaign(transferring)
    methods = ("random", "published", "default", "default+posterior", "spec", "sklearn")
    starts = {tuple(_run(campaign, method)[:4]) for method in methods}
    assert len(starts) == 1
    assert len(set(starts.pop())) == 4


def test_methods_begin_as_the_engine_for_few_evaluations_where_the_file_names_it(tmp_path):
    _write(tmp_path / "target.csv", 0, 40)
    path = tmp_path / "counted.yaml"
    text = CAMPAIGN.partition("transfer:")[0] + "budget: {evaluations: 6}\n"
    path.write_text(text + "proposer: {type: gp, engine: 2}\n")
    few = {method: _run(load_campaign(path), method) for method in ("spec", "default", "random", "obo")}
    assert few["default"][:3] == few["random"][:3] == few["obo"][:3] == few["spec"][:3]
    assert len({tuple(positions) for positions in few.values()}) == 4
    path.write_text(text)
    usual = load_campaign(path)
    assert _run(usual, "default") == _run(usual, "spec") != few["spec"]
