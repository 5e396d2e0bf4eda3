"""BayBE: a campaign with its default recommender."""

from pathlib import Path  # kept

import baybe  # seed
from baybe import Campaign
from baybe.parameters import CategoricalParameter, NumericalContinuousParameter
from baybe.searchspace import SearchSpace
from baybe.targets import NumericalTarget
from laboratory import measure

SEED = 0  # seed
KEPT = Path("campaign.json")  # kept
baybe.active_settings.random_seed = SEED  # seed
space = SearchSpace.from_product(
    [
        NumericalContinuousParameter("temperature", (300, 900)),
        NumericalContinuousParameter("x", (0, 1)),
        CategoricalParameter("solvent", ["water", "ethanol"]),
    ]
)
campaign = Campaign(space, NumericalTarget("yield").to_objective())
if KEPT.exists():  # kept
    campaign = Campaign.from_json(KEPT)  # kept
while (left := 24 - len(campaign.measurements)) > 0:
    rows = campaign.recommend(batch_size=min(4, left))
    for place in range(len(rows)):
        value = measure(**rows.iloc[place])
        campaign.add_measurements(rows.iloc[[place]].assign(**{"yield": value}))
        campaign.to_json(KEPT, overwrite=True)  # kept
print(campaign.measurements["yield"].max())
