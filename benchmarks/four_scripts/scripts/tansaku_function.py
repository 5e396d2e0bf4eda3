"""The same with a function, which worker processes compute."""

from laboratory import measure

import tansaku as ts

SEED = 0  # seed
campaign = ts.optimize(
    measure,
    space=ts.Parameters(temperature=(300, 900, "K"), x=(0, 1), solvent=["water", "ethanol"]),
    objective=ts.maximize("yield", unit="%"),
    budget=24,
    execution={"in_flight": 4},
    seed=SEED,  # seed
    store=None,  # in memory
)
print(campaign.best.value)
