"""The key ``space.cell``: what it means, and what is refused by name before anything is computed."""

import pytest
from pydantic import ValidationError

from tansaku.models.domain.specs.boundary_cell import PeriodicCellSpec
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.specs.dataset import ComputedSourceSpec
from tansaku.models.domain.specs.screen import ScreenSpec
from tansaku.tasks.node.configuration.campaign_files import apply_edits, diff_specs, spec_hash
from tansaku.tasks.node.configuration.defaults import with_defaults
from tansaku.tasks.node.configuration.source import polish_relaxation, polish_source
from tests.support.campaign_files import boundary_space


def space(cell=None, **changes):
    keys = boundary_space("Cu", 3.59, [1, 1, 3])
    return keys | changes | ({"cell": cell} if cell is not None else {})


def campaign(cell=None, calculator=None, space_keys=None, **changes):
    document = {
        "schema_version": 1,
        "name": "test",
        "space": space(cell, **(space_keys or {})),
        "calculator": {"type": "emt"} | (calculator or {}),
        "budget": {"evaluations": 10},
    }
    return CampaignSpec.model_validate(document | changes)


LABEL = {"label": {"calculator": {"type": "emt"}}}
RETRAIN = {"retrain": {"surrogate": {"type": "local_energies"}, "learns": "calculator", "every": 5}}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"calculator": {"relaxation": {"cell": "normal"}}}, r"calculator\.relaxation\.cell: normal; .* expected fixed"),
        (LABEL, r"label: not with space\.cell\.boundaries: 1"),
        (RETRAIN, r"retrain: not with space\.cell\.boundaries: 1"),
        ({"calculator": {"type": "gpaw"}}, r"space\.cell\.boundaries: 1; a calculator of type gpaw gives no energies"),
        ({"space_keys": {"spacing": 20.0}}, r"spacing: 20; .* expected cell\.relaxed"),
        ({"cell": {"boundaries": 1, "relaxed": 25}}, r"polish: \[20\.0, 30\.0\]; expected thicknesses above 25"),
        ({"cell": {"boundaries": 1, "polish": [30, 20]}}, r"polish: \[30\.0, 20\.0\]"),
        ({"cell": {"boundaries": 3}}, "boundaries"),
        ({"space_keys": {"removed_planes": [10**30]}}, r"removed_planes"),
        ({"cell": {"boundaries": 1, "blocks": "soft"}}, "blocks"),
    ],
)
def test_what_one_boundary_cannot_do_is_refused_by_name(changes, message):
    with pytest.raises(ValidationError, match=message):
        campaign(**({"cell": {"boundaries": 1}} | changes))


def test_data_sets_and_screens_do_not_learn_from_free_surfaces():
    one = space({"boundaries": 1})
    with pytest.raises(ValidationError, match=r"type: computed: not with space\.cell\.boundaries: 1"):
        ComputedSourceSpec.model_validate({"space": one, "calculator": {"type": "emt"}})
    screen = {"schema_version": 1, "name": "s", "model": "m", "space": one, "calculator": {"type": "emt"}}
    with pytest.raises(ValidationError, match=r"model: not with space\.cell\.boundaries: 1"):
        ScreenSpec.model_validate(screen)


@pytest.mark.parametrize(
    ("cell", "calculator", "message"),
    [
        ({"boundaries": 2, "polish": 12}, {}, r"cell\.polish: 12; expected 0, or 16 \(spacing\) or more"),
        ({"boundaries": 2, "polish": 32}, {"type": "gpaw"}, r"space\.cell\.polish: 32; with density-functional theory"),
        ({"boundaries": 2, "relaxed": 14}, {}, "relaxed"),
    ],
)
def test_what_two_boundaries_cannot_do_is_refused_by_name(cell, calculator, message):
    with pytest.raises(ValidationError, match=message):
        campaign(cell, calculator)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, 32.0),
        ({"space_keys": {"spacing": 10.0}}, 20.0),
        ({"execution": {"polish": 0}}, None),
        ({"calculator": {"type": "gpaw"}}, None),
        ({"cell": {"boundaries": 2, "polish": 0}}, 0.0),
        ({"cell": {"boundaries": 2, "polish": 40}}, 40.0),
    ],
)
def test_a_file_that_does_not_say_it_gets_grains_twice_as_thick(changes, expected):
    assert with_defaults(campaign(**changes)).space.cell.polish == expected


def test_campaigns_that_were_stored_before_the_key_keep_hash_source_and_cell():
    stored = campaign()
    loaded = with_defaults(stored)
    assert stored.space.cell == PeriodicCellSpec()
    assert spec_hash(loaded) == spec_hash(stored) == spec_hash(apply_edits(loaded, {"execution.polish": 0}))
    assert diff_specs(stored, loaded) == []
    for cell in ({"boundaries": 2, "polish": 0}, {"boundaries": 2, "polish": 40}, {"boundaries": 1}):
        other = campaign(cell)
        assert spec_hash(other) != spec_hash(stored)
        assert "space.cell" in {difference.key[:10] for difference in diff_specs(stored, other)}
    # What was relaxed with thicker grains is not what a stored campaign relaxed.
    assert len({polish_source(spec, "s") for spec in (stored, loaded, campaign({"boundaries": 2, "polish": 40}))}) == 3
    assert polish_source(stored, "s") == polish_source(campaign({"boundaries": 2, "polish": 0}), "s")


def test_the_final_relaxation_suits_the_cell():
    one = polish_relaxation(campaign({"boundaries": 1}))
    two = polish_relaxation(campaign())
    assert (one.cell, one.translation) == ("fixed", "free")
    assert (two.cell, two.translation) == ("normal", "free")


PERIOD = {"normal": [0.3], "in_plane": {"step": 0.3}, "along_axis": {"step": 0.3}}
GENERAL = {"space_keys": {"translation": PERIOD | {"positions": "general"}}, "cell": {"boundaries": 1}}
FREE = {"calculator": {"relaxation": {"cell": "fixed", "translation": "free"}}}


def test_general_positions_are_another_campaign_and_none_is_the_same_as_before():
    plain = campaign({"boundaries": 1}, FREE["calculator"], {"translation": PERIOD})
    none = campaign({"boundaries": 1}, FREE["calculator"], {"translation": PERIOD | {"positions": None}})
    general = campaign(**GENERAL, **FREE)
    assert spec_hash(plain) == spec_hash(none) != spec_hash(general)
    assert [difference.key for difference in diff_specs(plain, general)] == ["space.translation.positions"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (GENERAL, r"space\.translation\.positions: general; expected calculator\.relaxation\.translation: free"),
        (
            FREE | {"space_keys": {"translation": {"in_plane": [0.3], "positions": "general"}}},
            r"in_plane: values; with positions: general expected a step",
        ),
    ],
)
def test_general_positions_are_refused_where_nothing_slides(changes, message):
    with pytest.raises(ValidationError, match=message):
        campaign(**changes)
