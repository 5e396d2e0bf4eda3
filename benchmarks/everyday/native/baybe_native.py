"""BayBE: a campaign over the rows, with its default recommenders; the first row is random."""

import pandas as pd
from baybe import Campaign
from baybe.parameters import CategoricalParameter, NumericalDiscreteParameter
from baybe.searchspace import SearchSpace
from baybe.targets import NumericalTarget
from baybe.utils.random import set_random_seed

from benchmarks.everyday.native.table import Table


def search(table: Table, count: int, seed: int) -> list[int]:
    """Positions that are measured, in order."""
    set_random_seed(seed)
    parameters = [
        *(NumericalDiscreteParameter(name, sorted(set(table.rows[name]))) for name in table.numbers),
        *(CategoricalParameter(name, table.options(name)) for name in table.categories),
    ]
    space = SearchSpace.from_dataframe(table.rows, parameters)
    campaign = Campaign(
        space, NumericalTarget("value", minimize=True).to_objective(), allow_recommending_already_measured=False
    )
    places = {tuple(row): place for place, row in enumerate(table.rows.itertuples(index=False))}
    measured: list[int] = []
    while len(measured) < count:
        found: pd.DataFrame = campaign.recommend(batch_size=1)
        measured.append(places[tuple(found[list(table.rows)].iloc[0])])
        campaign.add_measurements(found.assign(value=table.values[measured[-1]]))
    return measured
