"""What was computed goes before what was predicted, and every row says which it is."""

from __future__ import annotations

import pytest

from tansaku.models.domain.evaluation_columns import predicted, value_from
from tansaku.models.domain.records import Evaluation, Outcome
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.tasks.read.views.origins import best_of
from tests.support.campaign_files import boundary_space
from tests.support.records import evaluation_of, proposal_of

SPEC = {
    "schema_version": 1,
    "name": "c",
    "space": boundary_space("Al", 4.05, [1, 1, 1]),
    "calculator": {"type": "emt"},
    "label": {"calculator": {"type": "chgnet"}},
}


def evaluation(number: int, value: float | None, by: str | None = None) -> Evaluation:
    return evaluation_of(proposal_of(number), Outcome(value=value, predicted_by=by, deviation=1.0 if by else None))


def test_a_prediction_is_best_only_where_nothing_was_computed():
    low, high = evaluation(1, 1.0, "m@1"), evaluation(2, 2.0)
    assert best_of([low, high], 1.0) is high
    assert best_of([low], 1.0) is low
    assert best_of([evaluation(3, None)], 1.0) is None


@pytest.mark.parametrize(
    ("prop", "by", "expected"),
    [(None, None, "emt"), ("label_grain_boundary_energy", None, "chgnet"), ("label_grain_boundary_energy", "m@2", "m@2")],
)
def test_a_value_says_where_it_comes_from(prop, by, expected):
    spec = CampaignSpec.model_validate(SPEC | {"objective": {"property": prop}})
    one = evaluation(1, 1.0, by)
    assert value_from(spec, one) == expected
    assert predicted(one) == (by is not None)
    assert value_from(spec, evaluation(2, None)) is None


def test_a_look_comes_from_the_calculator_of_its_level():
    levels = {"levels": [{"name": "rough", "cost": 0.1, "calculator": {"type": "emt"}}], "calculator": {"type": "chgnet"}}
    spec = CampaignSpec.model_validate({**SPEC, **levels, "label": None, "budget": {"cost": 9}})
    look = evaluation_of(proposal_of(1, purpose="look", level="rough"), Outcome(value=1.0))
    assert (value_from(spec, look), value_from(spec, evaluation(2, 1.0))) == ("emt", "chgnet")
    assert value_from(spec, evaluation_of(proposal_of(3, purpose="look", level="ghost"), Outcome(value=1.0))) is None
