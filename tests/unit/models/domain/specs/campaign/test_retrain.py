import pytest
from pydantic import ValidationError

from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.specs.retrain import FirstLookSpec, RetrainSpec

TABLE = {
    "type": "table",
    "candidates": "t.csv",
    "columns": {"id": "id", "value": "v"},
    "features": {"x": {"columns": ["x"]}},
}
BOUNDARIES = {
    "type": "grain_boundary",
    "crystal": {"structure": "fcc", "element": "Al", "lattice_parameter": 4.05},
    "boundaries": {"planes": [[1, 1, 1]]},
}
LABEL = {"calculator": {"type": "emt"}}
WANTED = {"property": "label_grain_boundary_energy"}


def campaign(**keys: object) -> CampaignSpec:
    known = {"schema_version": 1, "name": "c", "space": BOUNDARIES, "calculator": {"type": "emt"}}
    return CampaignSpec.model_validate(known | keys)


def test_a_campaign_may_retrain_and_look_first():
    spec = campaign(label=LABEL, objective=WANTED, retrain={}, first_look={})
    assert (spec.retrain, spec.first_look) == (RetrainSpec(), FirstLookSpec())
    assert campaign(label=LABEL, objective=WANTED, first_look={"model": "al-local@3"}).first_look.model == "al-local@3"
    assert campaign(retrain={"learns": "calculator"}).retrain.learns == "calculator"


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"objective": WANTED}, "objective.property: label_grain_boundary_energy is an energy of the label, and there is none"),
        ({"retrain": {}}, "retrain.learns: label, and there is none"),
        ({"space": TABLE, "calculator": None, "retrain": {"learns": "calculator"}}, "retrain: a table space has no relaxed"),
        ({"label": LABEL, "retrain": {"every": None}}, "retrain.every, retrain.drift: both are null"),
        ({"label": LABEL, "retrain": {"drift": {}}}, "retrain.drift: only first looks are compared"),
        ({"label": LABEL, "first_look": {"model": "m"}}, "expected objective.property label_grain_boundary_energy"),
        ({"label": LABEL, "objective": WANTED, "first_look": {}}, "first_look.model: null, and nothing is retrained"),
        (
            {"label": LABEL, "objective": WANTED, "first_look": {}, "retrain": {"learns": "calculator"}},
            "retrain.learns: calculator; a first look predicts the label's energies",
        ),
        (
            {
                "label": LABEL,
                "objective": WANTED,
                "first_look": {},
                "retrain": {"surrogate": {"type": "kernel_ridge", "property": "gap"}},
            },
            "retrain.surrogate.property: 'gap'; a first look needs energy",
        ),
        (
            {"label": LABEL, "objective": WANTED | {"goal": {"type": "top_k", "k": 3}}, "first_look": {}, "retrain": {}},
            "first_look: not with the goal top_k",
        ),
        (
            {
                "label": LABEL,
                "objective": WANTED,
                "first_look": {},
                "retrain": {},
                "transfer": {"sources": [{"type": "campaign", "name": "other"}]},
            },
            "first_look: not with transfer",
        ),
        ({"label": LABEL, "objective": WANTED, "first_look": {"model": "Al local"}}, "first_look.model"),
        ({"label": LABEL, "retrain": {"first": 3}}, "retrain.first"),
        ({"label": LABEL, "retrain": {"held_out": 1.0}}, "retrain.held_out"),
    ],
)
def test_what_cannot_work_is_refused_before_anything_is_spent(keys, message):
    with pytest.raises(ValidationError, match=message):
        campaign(**keys)
