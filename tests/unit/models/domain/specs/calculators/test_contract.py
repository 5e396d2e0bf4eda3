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
def test_keys_that_came_later_belong_to_the_level_where_they_are_given(given):
    assert not set(given) & set(settings_of(GpawSpec()))
    assert settings_of(GpawSpec(**given)) == settings_of(GpawSpec()) | given
    assert source_of(campaign(**given)) != source_of(campaign())
    assert spec_hash(campaign(**given)) != spec_hash(campaign())


def test_keys_that_came_later_change_no_source_of_before():
    """The hash that version 1 gave this calculator."""
    assert source_of(campaign()) == source_of(campaign(partition=False, bands=None, eigensolver="davidson")) == FIRST


FIRST = "b4666622943fd17733d0a374"
