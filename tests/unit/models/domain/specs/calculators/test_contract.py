"""What tells one level of theory from another."""

from __future__ import annotations

import pytest

from tansaku.models.domain.specs.calculators.contract import settings_of
from tansaku.models.domain.specs.calculators.gpaw import GpawSpec
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.tasks.node.configuration.campaign_files import spec_hash
from tansaku.tasks.node.configuration.source import source_of

CAMPAIGN = {
    "schema_version": 1,
    "name": "c",
    "space": {
        "type": "crystals",
        "crystals": {"fcc": {"structure": "fcc", "elements": ["Al"], "lattice_parameter": 4.05}},
        "scans": [{"type": "lattice"}],
    },
    "objective": {"unit": "eV/atom"},
    "execution": {"polish": 0},
}


def campaign(**calculator: object) -> CampaignSpec:
    return CampaignSpec.model_validate(CAMPAIGN | {"calculator": {"type": "gpaw", **calculator}})


@pytest.mark.parametrize("given", [{"bands": 2.2}, {"eigensolver": "rmm-diis"}])
def test_keys_belong_to_the_level(given):
    assert settings_of(GpawSpec(**given)) == settings_of(GpawSpec()) | given
    assert source_of(campaign(**given)) != source_of(campaign())
    assert spec_hash(campaign(**given)) != spec_hash(campaign())
    said = {key: getattr(GpawSpec(), key) for key in given}
    assert source_of(campaign(**said)) == source_of(campaign())
