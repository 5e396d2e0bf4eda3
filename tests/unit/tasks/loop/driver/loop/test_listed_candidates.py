"""Campaigns whose file names the candidates."""

import pytest

from tansaku.models.domain.errors import NotFoundError
from tansaku.tasks.act.commands.create import prepare_campaign
from tansaku.tasks.node.configuration.campaign_files import LoadedCampaign
from tests.support.actors import ADA

from .conftest import campaign_spec

NAMED = ("s2-0-1-1", "s0-0-3-0", "s1-1-2-2", "s0-0-0-0")


def test_they_are_computed_in_their_order_and_a_resume_goes_on(open_bench):
    bench = open_bench(proposer={"type": "listed", "candidates": NAMED}, budget={"evaluations": 4})
    bench.drive(halt_at=2)
    bench.drive()
    assert bench.sequence() == list(NAMED)


def test_one_that_is_not_in_the_space_is_refused_before_the_name_is_taken(open_bench):
    bench = open_bench()
    spec = campaign_spec(name="other", proposer={"type": "listed", "candidates": [*NAMED, "s9-0-0-0"]})
    with pytest.raises(NotFoundError, match="'s9-0-0-0' is not in the space"):
        prepare_campaign(bench.resources, ADA, LoadedCampaign(spec, bench.folder))
    with pytest.raises(NotFoundError, match="other"):
        bench.store.campaign("other")
