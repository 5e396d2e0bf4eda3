import pytest
from pydantic import ValidationError

from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.tasks.backends.stores.documents import problems_of


def test_a_stored_type_that_nobody_brings_is_named_without_the_list_of_those_that_are_there():
    stored = {"schema_version": 1, "name": "a", "space": {"type": "crystals"}, "calculator": {"type": "planted"}}
    with pytest.raises(ValidationError) as caught:
        CampaignSpec.model_validate(stored)
    said = problems_of(caught.value, most=9)
    assert "calculator: type 'planted' is not known here; the plug-in that brings it is not installed" in said
    assert "gpaw" not in said
