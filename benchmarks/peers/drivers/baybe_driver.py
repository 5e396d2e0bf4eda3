"""BayBE: a campaign with the recommender of BoTorch."""

import pandas as pd
from baybe import Campaign
from baybe.constraints import ContinuousLinearConstraint
from baybe.parameters import NumericalContinuousParameter
from baybe.recommenders import BotorchRecommender
from baybe.searchspace import SearchSpace
from baybe.targets import NumericalTarget
from baybe.utils.random import set_random_seed
from pipe import Pipe

pipe = Pipe()
set_random_seed(pipe.seed)
names = [f"x{number}" for number in range(pipe.dimensions)]
parameters = [NumericalContinuousParameter(name, bounds=(0.0, 1.0)) for name in names]
rules = [] if pipe.most is None else [ContinuousLinearConstraint(names, "<=", [1.0] * len(names), pipe.most)]
target = NumericalTarget("value", minimize=True)
campaign = Campaign(SearchSpace.from_product(parameters, rules), target.to_objective(), BotorchRecommender())
campaign.add_measurements(pd.DataFrame(pipe.points, columns=names).assign(value=pipe.values))
while True:
    found = campaign.recommend(batch_size=1)
    found["value"] = [pipe.evaluate(found[names].iloc[0].tolist())]
    campaign.add_measurements(found)
