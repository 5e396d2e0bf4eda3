"""Defaults that new campaigns get and that stored ones, which have null there, do not."""

from __future__ import annotations

import pytest

from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.tasks.checks.defaults import with_defaults
from tansaku.tasks.configuration import campaign_from_data, diff_specs, spec_hash

SURFACE = {
    "type": "energy_surface",
    "host": {"structure": "fcc", "elements": ["Al"], "lattice_parameter": 4.05},
    "ion": "H",
    "grid": 0.5,
}
BOTTLENECK = {"property": "energy", "unit": "eV", "goal": {"type": "bottleneck", "dimensions": 3}}
FEATURES = {
    "listed": {"columns": ["mass", "charge"]},
    "joined": {"lookup": "elements.csv", "key": "element", "columns": "e*"},
    "plain": {"columns": ["x", "y"], "scale": "none"},
    "codes": {"columns": ["code"], "categorical": True},
    "words": {"columns": ["word"], "categories": "one_hot"},
}
TABLE = {"type": "table", "candidates": "t.csv", "columns": {"id": "id", "value": "value"}, "features": FEATURES}


def surface(proposer: dict | None = None, **keys: object) -> CampaignSpec:
    document = {
        "schema_version": 1,
        "name": "test",
        "space": SURFACE,
        "calculator": {"type": "emt"},
        "objective": BOTTLENECK,
        "proposer": proposer or {"type": "gp"},
        "execution": {"polish": 0},
        "budget": {"evaluations": 10},
    }
    return CampaignSpec.model_validate(document | keys)


def table() -> CampaignSpec:
    return CampaignSpec.model_validate(
        {"schema_version": 1, "name": "test", "space": TABLE, "objective": {"unit": "eV"}, "budget": {"evaluations": 10}}
    )


def test_a_search_for_a_bottleneck_starts_where_the_ion_has_room():
    found = with_defaults(surface())
    assert (found.proposer.initial, found.proposer.initial_points) == ("roomy", 4)
    assert with_defaults(found) == found


@pytest.mark.parametrize(
    "spec",
    [
        surface({"type": "gp", "initial_points": 6}),
        surface({"type": "gp", "initial": "random"}),
        surface({"type": "random"}),
        surface(objective={"property": "energy", "unit": "eV", "goal": {"type": "best_overall"}}),
        surface(space=SURFACE | {"along": {"file": "path.json"}}),
    ],
)
def test_other_searches_start_as_the_file_says(spec):
    assert with_defaults(spec).proposer == spec.proposer


def test_groups_of_numbers_get_a_scale_where_the_file_gives_none():
    found = with_defaults(table())
    assert {name: group.scale for name, group in found.space.features.items()} == {
        "listed": "auto",
        "joined": "auto",
        "plain": "none",
        "codes": None,
        "words": None,
    }
    assert with_defaults(found) == found


def molecules() -> CampaignSpec:
    return surface(
        space={"type": "molecules", "seeds": ["CCO"]},
        calculator={"type": "ase", "name": "tblite", "workflow": {"type": "ion_binding", "ion": "Li"}},
        objective={"unit": "kJ/mol"},
    )


@pytest.mark.parametrize("spec", [surface(), table(), molecules()])
def test_a_campaign_from_before_is_the_same_one_and_keeps_what_it_began_with(spec):
    new = with_defaults(spec)
    assert new != spec
    assert spec_hash(new) != spec_hash(spec)  # it proposes other candidates
    assert not diff_specs(spec, new)
    # Stored specs are read without filling in anything.
    assert CampaignSpec.model_validate(spec.model_dump(mode="json")) == spec


def test_the_hash_of_a_campaign_whose_file_gave_the_start_is_as_before_it_was_a_default():
    """Exports hold the hash, and an import refuses a file whose spec has another one."""
    spec = surface({"type": "gp", "initial": "roomy", "initial_points": 4})
    assert spec_hash(spec) == "85ff82b6a2850f1fc149e9d75410c006695218a6622be7d072c1937c2e4c9289"
    assert spec_hash(surface()) == "bec46ad1108aff97e5b384d413a347da982c2124e3d6ba6fd6dfe8a0296812ca"


def test_descriptors_of_molecules_get_a_scale():
    assert with_defaults(molecules()).space.scale == "auto"


def test_another_scale_or_start_is_another_campaign():
    assert spec_hash(surface({"type": "gp", "initial": "random", "initial_points": 4})) != spec_hash(surface())
    ranges = TABLE | {"features": FEATURES | {"listed": {"columns": ["mass", "charge"], "scale": "range"}}}
    assert spec_hash(table().model_copy(update={"space": type(table().space).model_validate(ranges)})) != spec_hash(table())


def test_a_file_gets_them(tmp_path):
    data = surface().model_dump(mode="json")
    found = campaign_from_data(data, tmp_path, "a test").spec
    assert (found.proposer.initial, found.proposer.initial_points) == ("roomy", 4)
