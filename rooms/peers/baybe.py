"""BayBE campaigns. Fitzner et al. (2025), https://doi.org/10.1039/D5DD00050E."""

from __future__ import annotations

from math import exp
from typing import Any

import numpy as np
import pandas as pd

from tansaku.peers.botorch import seeded
from tansaku.peers.problem import Encoding, Problem, Suggestion

_TARGET = "value"


class BaybeOptimiser:
    """A BayBE campaign on one system with its default surrogate and log expected improvement.

    Columns are discrete numbers, descriptors custom encodings.
    """

    def __init__(self) -> None:
        self._built: tuple[Encoding, pd.DataFrame, Any] | None = None

    def suggest(self, problem: Problem) -> Suggestion:
        """The next candidate."""
        from baybe import Campaign
        from baybe.recommenders import BotorchRecommender
        from baybe.targets import NumericalTarget

        table, space = self._search_space(problem.encoding)
        with seeded(problem.seed):
            campaign = Campaign(
                space, NumericalTarget(_TARGET, minimize=True), BotorchRecommender(acquisition_function="qLogEI")
            )
            campaign.add_measurements(table.iloc[problem.rows].assign(**{_TARGET: problem.standardised}))
            barred = np.setdiff1d(np.arange(len(table)), problem.free)
            campaign.toggle_discrete_candidates(table.iloc[barred], exclude=True)
            chosen = campaign.recommend(1)
            gain = exp(float(campaign.acquisition_values(chosen).iloc[0]))
        return Suggestion(int(chosen.index[0]), gain * problem.deviation)

    def _search_space(self, encoding: Encoding) -> tuple[pd.DataFrame, Any]:
        from baybe.searchspace import SearchSpace

        if self._built is None or self._built[0] is not encoding:
            table = pd.DataFrame(encoding.numbers, columns=list(encoding.names))
            for descriptor in encoding.descriptors:
                table[descriptor.name] = [_label(code) for code in descriptor.codes.tolist()]
            self._built = (encoding, table, SearchSpace.from_dataframe(table, _parameters(encoding)))
        return self._built[1], self._built[2]


def _parameters(encoding: Encoding) -> list[Any]:
    from baybe.parameters import CustomDiscreteParameter, NumericalDiscreteParameter

    numbers = [
        NumericalDiscreteParameter(name, np.unique(column).tolist())
        for name, column in zip(encoding.names, encoding.numbers.T, strict=True)
    ]
    return numbers + [
        CustomDiscreteParameter(
            descriptor.name,
            pd.DataFrame(descriptor.rows, index=[_label(k) for k in range(len(descriptor.rows))]).rename(columns=_label),
        )
        for descriptor in encoding.descriptors
    ]


def _label(code: int) -> str:
    return f"r{code}"
