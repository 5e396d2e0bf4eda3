from __future__ import annotations

import pytest
from pydantic import ValidationError

from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.specs.prefers import PrefersSpec

PREFERS = {"within": {"t": [500, 700], "solvent": ["water", "oil"]}, "weight": 1}
SPACE = {
    "type": "parameters",
    "parameters": {
        "t": {"type": "number", "low": 0, "high": 1000},
        "solvent": {"type": "category", "values": ["water", "oil"]},
    },
    "prefers": PREFERS,
}


def campaign(**keys: object) -> CampaignSpec:
    return CampaignSpec.model_validate(
        {"schema_version": 1, "name": "a", "space": SPACE, "calculator": {"type": "manual"}, "objective": {"unit": "eV"}} | keys
    )


def test_ranges_and_names_are_told_apart_and_said_in_words():
    spec = PrefersSpec.model_validate(PREFERS)
    assert (spec.ranges, spec.names) == ({"t": (500.0, 700.0)}, {"solvent": ("water", "oil")})
    assert spec.describe() == "t 500 to 700, solvent water or oil; counts as 1 result"
    assert PrefersSpec.model_validate({"within": {"t": [1, 2]}}).describe() == "t 1 to 2; counts as 3 results"


@pytest.mark.parametrize(
    ("prefers", "message"),
    [
        ({"within": {"t": [700, 500]}}, "within.t: 700 is above 500"),
        ({"within": {}}, "at least 1"),
        ({"within": {"t": [1, 2]}, "weight": 0}, "greater than 0"),
        ({"within": {"t": [1, 2, 3]}}, "t"),
    ],
)
def test_what_says_nothing_is_refused(prefers, message):
    with pytest.raises(ValidationError, match=message):
        PrefersSpec.model_validate(prefers)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"proposer": {"type": "random"}}, "space.prefers: proposer random has no model that expects"),
        (
            {"objective": {"unit": "eV", "goal": {"type": "pareto", "also": [{"property": "price", "unit": "1"}]}}},
            "space.prefers: not with the goal pareto: several quantities count there",
        ),
        ({"proposer": {"type": "gp", "transform": {"standardise": "none"}}}, "space.prefers: it counts in standard deviations"),
    ],
)
def test_a_campaign_that_could_not_use_it_is_refused(keys, message):
    with pytest.raises(ValidationError, match=message):
        campaign(**keys)


def test_other_campaigns_use_it():
    assert campaign().space.preferred == PrefersSpec.model_validate(PREFERS)
    limits = [{"property": "price", "at_most": "5 1"}]
    assert campaign(objective={"unit": "eV", "limits": limits}).space.preferred is not None
