import pytest

from tansaku.models.domain.ports import Proposer
from tansaku.models.domain.specs.proposer import GPProposerSpec, GridProposerSpec, ListedProposerSpec, RandomProposerSpec
from tansaku.models.engine.proposer_registry import build_proposer


@pytest.mark.parametrize(
    ("spec", "name"),
    [
        (RandomProposerSpec(), "random"),
        (GridProposerSpec(), "grid"),
        (ListedProposerSpec(candidates=("a",)), "listed"),
        (GPProposerSpec(), "default"),
        (GPProposerSpec(preset="published"), "published"),
        (GPProposerSpec(preset="single-task"), "single-task"),
    ],
)
def test_every_spec_has_its_proposer(spec, name):
    proposer = build_proposer(spec)
    assert isinstance(proposer, Proposer)
    assert proposer.name == name
