"""A key that came later changes no campaign that does not use it."""

from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.tasks.node.configuration.campaign_files import spec_hash

BEFORE = "c9bfa2b6883c0c90fc3a611d5faa908a9fc369edac63bca7537f2fe597da4719"
"""Hash of the campaign below, by the last version without ``proposer.residual``."""


def sparse(**keys):
    columns = {"id": "id", "value": "v"}
    space = {"type": "table", "candidates": "t.csv", "columns": columns, "features": {"g": {"columns": ["a"]}}}
    return CampaignSpec.model_validate({
        "schema_version": 1, "name": "s", "space": space, "objective": {"unit": "eV"},
        "proposer": {"type": "sparse", **keys}, "budget": {"evaluations": 10},
    })  # fmt: skip


def test_sparse_campaigns_are_what_they_were():
    assert spec_hash(sparse()) == BEFORE
    assert spec_hash(sparse(residual="gp")) != BEFORE
