"""Texts to start a campaign from."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tansaku.deploy.campaign_templates import campaign_templates
from tansaku.deploy.web.copying import copied_spec
from tansaku.models.domain.records import CampaignRecord
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.tasks.ground.formats.validation import validate_document
from tansaku.tasks.ground.formats.yaml_text import parse_yaml
from tansaku.tasks.node.configuration.campaign_files import load_campaign


def record_of(name: str, spec: CampaignSpec) -> CampaignRecord:
    return CampaignRecord(
        name=name,
        spec=spec.model_dump(mode="json"),
        spec_hash="0",
        base_path="/",
        tansaku_version="1",
        created_at=datetime.now(UTC),
    )


@pytest.mark.parametrize("name", campaign_templates())
def test_a_copy_is_the_same_campaign_of_another_name(name):
    spec = validate_document(CampaignSpec, parse_yaml(campaign_templates()[name].read_text(), name))
    text = copied_spec(record_of(name, spec), {f"{name}-2"})
    assert "null" not in text
    copied = validate_document(CampaignSpec, parse_yaml(text, name))
    assert copied == spec.model_copy(update={"name": f"{name}-3"})


def test_a_copy_keeps_the_keys_that_distinguish_members_of_a_union(tmp_path):
    (tmp_path / "cu-emt.yaml").write_text(campaign_templates()["cu-emt"].read_text())
    spec = load_campaign(tmp_path / "cu-emt.yaml").spec  # its cell is filled in
    assert spec.space.cell.polish is not None
    text = copied_spec(record_of("cu-emt", spec), set())
    assert validate_document(CampaignSpec, parse_yaml(text, "copy")).space.cell == spec.space.cell
