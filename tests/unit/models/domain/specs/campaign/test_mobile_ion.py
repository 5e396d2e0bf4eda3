import pytest
from pydantic import ValidationError

from tansaku.models.domain.specs.campaign import CampaignSpec


def campaign(*, sites: dict | None = None, workflow: dict | None = None, **space: object) -> CampaignSpec:
    calculator: dict = {"type": "chgnet"}
    if workflow is not None:
        calculator["workflow"] = {"type": "migration_barrier", **workflow}
    return CampaignSpec.model_validate(
        {
            "schema_version": 1,
            "name": "tavorites",
            "space": {"type": "composition", "parent": {"prototype": "tavorite"}, "sites": sites or {}, **space},
            "calculator": calculator,
            "objective": {"unit": "eV"},
        }
    )


LITHIUM = {"A": {"ions": ["Li+"]}}


@pytest.mark.parametrize(
    ("sites", "ion"), [(LITHIUM, "Li"), (LITHIUM, None), ({}, None), ({"A": {"ions": ["Li+", "Na+"]}}, None)]
)
def test_the_ion_that_moves_is_named_or_follows_from_the_space(sites, ion):
    assert campaign(sites=sites, workflow={"ion": ion}).calculator.workflow.ion == ion


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"sites": LITHIUM, "workflow": {"ion": "Na"}}, r"calculator\.workflow\.ion: 'Na', but Li\+ may stand on site A"),
        ({"sites": {"A": {"ions": ["Li+", "Na+"]}}, "workflow": {"ion": "Li"}}, r"'Li', but Na\+ may stand on site A"),
        ({"workflow": {"ion": "Li"}}, "'Li'; expected the ions of site A in space.sites, or no ion here"),
        ({"parent": {"cif": "x.cif"}, "workflow": {}}, r"space\.mobile: missing; expected the site whose ion moves"),
        ({"workflow": None}, r"calculator\.workflow: missing"),
    ],
)
def test_an_ion_that_cannot_move_is_refused_before_anything_is_spent(arguments, message):
    with pytest.raises(ValidationError, match=message):
        campaign(**arguments)


@pytest.mark.parametrize("space", [{"sites": LITHIUM}, {"parent": {"cif": "x.cif"}}, {}])
def test_an_interstitial_ion_need_not_be_in_the_crystal(space):
    workflow = campaign(workflow={"ion": "H", "mechanism": {"type": "interstitial"}}, **space).calculator.workflow
    assert workflow.ion == "H"
    assert workflow.mechanism.type == "interstitial"


def test_an_interstitial_ion_is_named_where_no_site_is_mobile():
    with pytest.raises(ValidationError, match=r"space\.mobile: missing; .*or its element in calculator\.workflow\.ion"):
        campaign(parent={"cif": "x.cif"}, workflow={"mechanism": {"type": "interstitial"}})


@pytest.mark.parametrize(
    ("mechanism", "message"),
    [
        ({"type": "kick_out"}, "mechanism"),
        ({"type": "vacancy", "faces": True}, "faces"),
        ({"type": "interstitial", "sites": []}, "sites"),
        ({"type": "interstitial", "sites": [[0.5, 0.5]]}, "sites"),
        ({"type": "interstitial", "min_distance": 0.1}, "min_distance"),
        ({"type": "interstitial", "merge_distance": 0.0}, "merge_distance"),
        ({"type": "interstitial", "max_sites": 0}, "max_sites"),
    ],
)
def test_a_mechanism_s_keys_are_checked(mechanism, message):
    with pytest.raises(ValidationError, match=message):
        campaign(workflow={"ion": "Li", "mechanism": mechanism}, parent={"cif": "x.cif"})
