"""Campaigns with a kernel and a mean of their own."""

import pytest

from tansaku.models.domain.errors import ConfigurationError, NotFoundError
from tansaku.tasks.act.commands.create import prepare_campaign
from tansaku.tasks.node.configuration.campaign_files import LoadedCampaign
from tests.support.actors import ADA

from .conftest import campaign_spec

KERNEL = {
    "type": "sum",
    "terms": [
        {"type": "same", "of": "surface"},
        {"type": "product", "factors": [{"type": "task"}, {"type": "matern32", "over": "translation"}]},
    ],
}


def test_a_kernel_of_its_own_runs_and_a_resume_makes_the_same_choices(open_bench):
    proposer = {
        "type": "gp",
        "kernel": KERNEL,
        "mean": [{"type": "linear", "over": "*"}],
        "hyperparameters": "bayes",
        "members": 2,
    }
    whole = open_bench.driven(proposer=proposer, budget={"evaluations": 14})
    assert len(whole.sequence()) == 14
    broken = open_bench(proposer=proposer, budget={"evaluations": 14})
    for at in (5, 9):
        broken.drive(halt_at=at)
    broken.drive()
    assert broken.sequence() == whole.sequence()


UNKNOWN = r"'transaltion' is not a feature group .*angle, structure, translation"


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"kernel": {"type": "rbf", "over": "transaltion"}}, UNKNOWN),
        ({"mean": [{"type": "smooth", "over": "transaltion"}]}, UNKNOWN),
        ({"initial_points": 5000}, r"proposer\.initial_points: 5000, but system .* has \d+ candidates"),
    ],
)
def test_what_the_pool_does_not_have_is_refused_before_the_name_is_taken(open_bench, keys, said):
    bench = open_bench()
    spec = campaign_spec(name="other", proposer={"type": "gp"} | keys)
    with pytest.raises(ConfigurationError, match=said):
        prepare_campaign(bench.resources, ADA, LoadedCampaign(spec, bench.folder))
    with pytest.raises(NotFoundError):
        bench.store.campaign("other")


def test_more_initial_points_are_computed_before_the_model_chooses(open_bench):
    bench = open_bench.driven(proposer={"type": "gp", "preset": "abo", "initial_points": 3}, budget={"evaluations": 14})
    flags = [one.proposal.initial for one in bench.store.evaluations("small")]
    assert flags == 9 * [True] + 5 * [False]
