"""Elements that a campaign's calculator is to compute, so that formation energies need no numbers."""

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
from tansaku.tasks.node.configuration.references import check_references, reference_elements, with_computed
from tests.support.actors import ADA
from tests.support.alloys import FILE


def loaded(phases, **changes):
    data = yaml.safe_load(FILE.read_text())
    data["space"]["phases"] = phases
    return campaign_from_data(data | changes, FILE.parent, "test")


def elements(phases, **changes):
    campaign = loaded(phases, **changes)
    return reference_elements(campaign.spec, open_space(campaign.spec.space, campaign.base_path), campaign.base_path)


@pytest.mark.parametrize(
    ("phases", "computed"),
    [
        ({"references": "compute"}, ("Au", "Cu")),
        ({"references": "compute", "energies": {"Cu": -1.0, "AuCu": -0.5}}, ("Au",)),
        ({"references": "compute", "energies": {"Cu": -1.0, "Au": -0.5}}, ()),
        ({"energies": {"AuCu": -0.5}}, ()),
    ],
)
def test_what_the_file_gives_is_not_computed(phases, computed):
    assert elements(phases) == computed


def test_a_check_says_what_is_computed_first_and_computes_nothing():
    preview = preview_loaded(loaded({"references": "compute"}))
    assert (preview.candidates, preview.references) == (8, ("Au", "Cu"))
    assert "references  Au, Cu, computed first" in preview.describe()


def test_what_was_found_makes_no_other_campaign_and_is_found_again_by_a_copy():
    spec = loaded({"references": "compute"}).spec
    other = with_computed(spec, {"Au": 1.0, "Cu": 2.0})
    assert spec_hash(spec) == spec_hash(other)
    assert diff_specs(spec, other) == []
    again = campaign_from_data(other.model_dump(mode="json"), FILE.parent, "copy")
    assert again.spec.space.phases.computed is None


def test_a_calculator_that_cannot_is_told():
    manual = {"type": "manual", "procedure": "by hand"}
    with pytest.raises(ConfigurationError, match="a calculator of type manual computes no crystals of elements") as told:
        check_references(loaded({"references": "compute"}, calculator=manual).spec, ("Cu", "Au"))
    assert told.value.hint == "give the energies of Au, Cu under space.phases.energies"


def test_an_element_without_a_simple_form_is_told_before_anything_is_computed():
    with pytest.raises(ConfigurationError, match="the usual crystal of P is none of fcc, bcc, hcp, diamond"):
        check_references(loaded({"references": "compute"}).spec, ("Cu", "P"))


@pytest.mark.parametrize("phases", [{}, {"energies": {"Cu": 0.0}, "file": "phases.csv"}, {"references": "guess"}])
def test_phases_that_say_nothing_or_too_much_are_refused(phases):
    with pytest.raises(ConfigurationError, match=r"energies, file: expected one of them|references"):
        loaded(phases)


def test_a_stored_campaign_keeps_what_its_creation_found():
    campaign, place = loaded({"references": "compute"}), SimpleNamespace(store=MemoryCampaignStore(), site=SiteSpec())
    record = prepare_campaign(place, ADA, campaign)
    assert stored_spec(record).space.phases.computed is None
    found = with_computed(stored_spec(record), {"Au": 1.0, "Cu": 2.0})
    place.store = MemoryCampaignStore()
    place.store.create_campaign(record.model_copy(update={"spec": found.model_dump(mode="json")}))
    assert stored_spec(prepare_campaign(place, ADA, campaign)).space.phases.computed == {"Au": 1.0, "Cu": 2.0}
