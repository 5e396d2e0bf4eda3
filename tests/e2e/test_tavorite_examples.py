"""The two composition searches that ship."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.spaces.registry import open_space

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
