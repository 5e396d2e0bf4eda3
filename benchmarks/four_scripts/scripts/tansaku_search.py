"""The search of the guide."""

from laboratory import measure

import tansaku as ts

SEED = 0  # seed
campaign = ts.Campaign(
    space=ts.Parameters(temperature=(300, 900, "K"), x=(0, 1), solvent=["water", "ethanol"]),
    objective=ts.maximize("yield", unit="%"),
    budget=24,
    seed=SEED,  # seed
    store=None,  # in memory
)
while not campaign.done:
    for row in campaign.ask(4):
        campaign.tell(row, value=measure(**row))
print(campaign.best.value)
