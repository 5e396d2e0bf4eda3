"""Replays, rehearsals and previews of a campaign that looks at a cheaper level."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.specs.proposer import MultiLevelProposerSpec
from tansaku.tasks.act.checks.check import preview_loaded
from tansaku.tasks.act.checks.rehearse import RehearsalOptions, rehearse_loaded
from tansaku.tasks.act.replay.records import ReplayTask
from tansaku.tasks.act.replay.run import run_one
from tansaku.tasks.node.configuration.campaign_files import load_campaign
from tests.support.looks import looks_campaign


@pytest.fixture
def loaded(tmp_path):
    return load_campaign(looks_campaign(tmp_path))


def test_the_file_s_own_proposer_looks_and_others_do_not(loaded):
    runs = {
        method: run_one(
            ReplayTask(spec=loaded.spec, base_path=str(loaded.base_path), method=method, seed=0, count_initial=True)
        )
        for method in ("spec", "default")
    }
    own, other = runs["spec"], runs["default"]
    looks = [name for name in own.candidates if name.endswith("@look")]
    assert len(looks) > 10
    assert own.cost[-1] == pytest.approx(len(own.candidates) - 0.9 * len(looks))
    assert own.mean_gap[-1] <= other.mean_gap[-1]
    assert not any("@" in name for name in other.candidates)
    assert own.mean_gap[0] > own.mean_gap[-1]
    assert own.n_failed == 0


def test_it_learns_from_a_table_in_the_modes_that_levels_have(loaded):
    space = loaded.spec.space.model_dump(mode="json")
    sources = [{"type": "table", "name": "older", "space": {key: space[key] for key in ("candidates", "columns", "features")}}]
    spec = CampaignSpec.model_validate(loaded.spec.model_dump() | {"transfer": {"mode": "none", "sources": sources}})
    task = ReplayTask(spec=spec, base_path=str(loaded.base_path), method="spec", seed=0, count_initial=True)
    alone, none, informed = (run_one(task.model_copy(update={"method": name})) for name in ("spec", "spec+none", "spec+auto"))
    assert alone.candidates == none.candidates != informed.candidates
    assert any(name.endswith("@look") for name in informed.candidates)
    with pytest.raises(ConfigurationError, match="mode joint; with levels expected auto or none"):
        run_one(task.model_copy(update={"method": "spec+joint"}))


def test_it_can_be_rehearsed(loaded):
    found = rehearse_loaded(loaded, RehearsalOptions(within="0.05 eV", replays=3))
    assert found.chance == 1.0
    assert found.wanted < 12.0


def test_a_preview_says_what_a_look_is_and_what_comes_first(loaded):
    preview = preview_loaded(loaded)
    said = preview.describe()
    assert "look        look: column cheap, 10 % of the full evaluation's cost" in said
    assert "levels, 10 initial evaluations costing 6" in said
    assert preview.initial_cost == pytest.approx(5.5)
    first, second = preview.initial[:2]
    assert first == f"{second} (look)"


def test_a_preview_says_what_a_look_at_all_costs(loaded):
    screened = replace(loaded, spec=loaded.spec.model_copy(update={"proposer": MultiLevelProposerSpec(screen=True)}))
    said = preview_loaded(screened).describe()
    assert "10 % of the full evaluation's cost; all candidates get it first, cost " in said
