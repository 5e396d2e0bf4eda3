"""BayBE gets numbers as numbers and categories as categories."""

import numpy as np
import pytest

from tansaku.models.domain.pool import FeatureGroup
from tansaku.peers.problem import Problem, encode
from tests.support.pools import pool_of

pytestmark = pytest.mark.filterwarnings("ignore")


def _problem() -> Problem:
    rng = np.random.default_rng(2)
    heat, kind = rng.random(12), np.arange(12) % 3
    pool = pool_of(
        12,
        FeatureGroup("heat", heat[:, None], np.arange(12), ("heat",)),
        FeatureGroup("kind", np.eye(3), kind, ("kind=a", "kind=b", "kind=c")),
    )
    rows = np.arange(5)
    return Problem(encode(pool, np.arange(12)), rows, (heat + kind)[rows], np.arange(5, 12), seed=3)


def test_baybe_gets_categories_and_the_choice_is_its_own_recommendation(require):
    require("baybe")
    from baybe import Campaign
    from baybe.parameters import CategoricalParameter, NumericalDiscreteParameter
    from baybe.recommenders import BotorchRecommender
    from baybe.targets import NumericalTarget

    from tansaku.peers.baybe import BaybeOptimiser
    from tansaku.peers.botorch import seeded

    optimiser, problem = BaybeOptimiser(), _problem()
    found = optimiser.suggest(problem)
    table, space = optimiser.search_space(problem.encoding)
    kinds = {item.name: type(item) for item in space.parameters}
    assert kinds == {"heat.heat": NumericalDiscreteParameter, "kind": CategoricalParameter}
    with seeded(problem.seed):
        campaign = Campaign(space, NumericalTarget("value", minimize=True), BotorchRecommender())
        campaign.add_measurements(table.iloc[problem.rows].assign(value=problem.values))
        campaign.toggle_discrete_candidates(table.iloc[problem.rows], exclude=True)
        assert int(campaign.recommend(1).index[0]) == found.row
