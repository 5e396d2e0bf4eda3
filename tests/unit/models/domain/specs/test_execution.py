"""How evaluations run, and where a final relaxation is refused."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.specs.dataset import ComputedSourceSpec
from tests.support.campaign_files import boundary_space

BOUNDARY = boundary_space("Cu", 3.59, [1, 1, 3])
CALCULATOR = {"type": "emt", "relaxation": {"fmax": 0.01}}


def campaign(execution: dict, **changes: object) -> CampaignSpec:
    document = {"schema_version": 1, "name": "test", "space": BOUNDARY, "calculator": CALCULATOR, "execution": execution}
    return CampaignSpec.model_validate(document | changes)


def test_a_final_relaxation_that_is_rougher_than_the_search_is_refused():
    with pytest.raises(ValidationError, match=r"execution\.polish_fmax: 0\.02; expected at most 0\.01 \(calculator\."):
        campaign({"polish_fmax": 0.02})
    assert campaign({"polish_fmax": 0.01}).execution.polish_fmax == 0.01
    with pytest.raises(ValidationError, match=r"greater than or equal to 0\.000001"):
        campaign({"polish_fmax": 1e-300})


@pytest.mark.parametrize("key", [{"polish": 2}, {"polish": 0, "polish_fmax": 0.001}])
def test_keys_of_a_final_relaxation_are_refused_where_there_is_none(key):
    surface = {
        "type": "energy_surface",
        "host": {"structure": "fcc", "elements": ["Al"], "lattice_parameter": 4.05},
        "ion": "H",
        "grid": 0.5,
    }
    with pytest.raises(ValidationError, match=r"execution\.polish.*no final relaxation"):
        campaign(key, space=surface, objective={"property": "energy", "unit": "eV"})
    with pytest.raises(ValidationError, match=r"execution\.polish.*a data set has no final relaxation"):
        ComputedSourceSpec.model_validate({"space": BOUNDARY, "calculator": CALCULATOR, "execution": key})
