"""Elements that the campaign's calculator computes, so that formation energies need no numbers."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import yaml

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.specs.site import SiteSpec
from tansaku.spaces.space_registry import open_space
from tansaku.tasks.act.checks.check import preview_loaded
from tansaku.tasks.act.commands.create import prepare_campaign
from tansaku.tasks.backends.stores.campaigns import stored_spec
from tansaku.tasks.backends.stores.memory import MemoryCampaignStore
from tansaku.tasks.node.configuration.campaign_files import campaign_from_data, diff_specs, spec_hash
from tansaku.tasks.node.configuration.crystal import answered
from tansaku.tasks.node.configuration.references import with_computed, with_references
from tests.support.actors import ADA
from tests.support.alloys import FILE


def loaded(phases, **changes):
    data = yaml.safe_load(FILE.read_text())
    data["space"]["phases"] = phases
    return campaign_from_data(data | changes, FILE.parent, "test")


def resolved(phases, **changes):
    campaign = loaded(phases, **changes)
    return with_references(campaign.spec, open_space(campaign.spec.space, campaign.base_path), campaign.base_path)


def test_the_numbers_of_the_shipped_example_are_found():
    written = yaml.safe_load(FILE.read_text())["space"]["phases"]["energies"]
    phases = resolved({"references": "compute"}).space.phases
    assert phases.computed == pytest.approx(written, abs=5e-5)
    assert phases.energies is None
    assert preview_loaded(loaded({"references": "compute"})).candidates == 8


def test_what_the_file_gives_is_not_computed():
    phases = resolved({"references": "compute", "energies": {"Cu": -1.0, "AuCu": -0.5}}).space.phases
    assert phases.computed.keys() == {"Au"}
    asked = answered.cache_info().misses
    assert resolved({"references": "compute", "energies": {"Cu": -1.0, "Au": -0.5}}).space.phases.computed == {}
    assert answered.cache_info().misses == asked


def test_what_was_found_makes_no_other_campaign_and_is_found_again_by_a_copy():
    spec = resolved({"references": "compute"})
    other = with_computed(spec, {"Au": 1.0, "Cu": 2.0})
    assert spec_hash(spec) == spec_hash(other)
    assert diff_specs(spec, other) == []
    again = campaign_from_data(other.model_dump(mode="json"), FILE.parent, "copy")
    assert again.spec.space.phases.computed is None


@pytest.mark.parametrize(
    ("calculator", "message"),
    [
        ({"type": "gpaw"}, "with a calculator of type gpaw it takes too long, or cannot be done on this machine"),
        ({"type": "manual", "procedure": "by hand"}, "with a calculator of type manual it takes too long"),
    ],
)
def test_a_calculator_that_cannot_is_told(calculator, message):
    with pytest.raises(ConfigurationError, match=message) as told:
        resolved({"references": "compute"}, calculator=calculator)
    assert told.value.hint == "compute Au, Cu as you like and give their energies under space.phases.energies"


@pytest.mark.parametrize("phases", [{}, {"energies": {"Cu": 0.0}, "file": "phases.csv"}, {"references": "guess"}])
def test_phases_that_say_nothing_or_too_much_are_refused(phases):
    with pytest.raises(ConfigurationError, match=r"energies, file: expected one of them|references"):
        loaded(phases)


def test_the_campaign_keeps_what_it_found_first(monkeypatch):
    campaign, place = loaded({"references": "compute"}), SimpleNamespace(store=MemoryCampaignStore(), site=SiteSpec())
    first = stored_spec(prepare_campaign(place, ADA, campaign)).space.phases.computed
    monkeypatch.setattr("tansaku.tasks.act.commands.create.with_references", lambda *_: pytest.fail("computed again"))
    again = prepare_campaign(place, ADA, campaign)
    assert stored_spec(again).space.phases.computed == first
    assert first.keys() == {"Au", "Cu"}
