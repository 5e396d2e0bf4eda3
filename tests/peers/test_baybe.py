"""BayBE gets numbers as numbers and categories as categories."""

import pytest

pytestmark = pytest.mark.filterwarnings("ignore")


def test_baybe_gets_categories_and_the_choice_is_its_own_recommendation(require, heat_and_kind):
    require("baybe")
    from baybe import Campaign
    from baybe.parameters import CategoricalParameter, NumericalDiscreteParameter
    from baybe.recommenders import BotorchRecommender
    from baybe.targets import NumericalTarget

    from tansaku.peers.baybe import BaybeOptimiser
    from tansaku.peers.botorch import seeded

    optimiser, problem = BaybeOptimiser(), heat_and_kind
    found = optimiser.suggest(problem)
    table, space = optimiser.search_space(problem.encoding)
    kinds = {item.name: type(item) for item in space.parameters}
    assert kinds == {"heat.heat": NumericalDiscreteParameter, "kind": CategoricalParameter}
    with seeded(problem.seed):
        campaign = Campaign(space, NumericalTarget("value", minimize=True), BotorchRecommender())
        campaign.add_measurements(table.iloc[problem.rows].assign(value=problem.values))
        campaign.toggle_discrete_candidates(table.iloc[problem.rows], exclude=True)
        assert int(campaign.recommend(1).index[0]) == found.row
