"""BayBE campaigns. Fitzner et al. (2025), https://doi.org/10.1039/D5DD00050E."""

from __future__ import annotations

from math import exp
from typing import Any

import numpy as np
import pandas as pd

from tansaku.peers.botorch import seeded
from tansaku.peers.problem import Descriptor, Encoding, Problem, Suggestion

_TARGET = "value"


class BaybeOptimiser:
    """A BayBE campaign on one system with its default surrogate and log expected improvement.

    Columns are discrete numbers, categories categories, other descriptors custom encodings.
    """

    def __init__(self) -> None:
        self._built: tuple[Encoding, pd.DataFrame, Any] | None = None

    def suggest(self, problem: Problem) -> Suggestion:
        """The next candidate."""
        from baybe import Campaign
        from baybe.recommenders import BotorchRecommender
        from baybe.targets import NumericalTarget

        table, space = self.search_space(problem.encoding)
        with seeded(problem.seed):
            campaign = Campaign(
                space, NumericalTarget(_TARGET, minimize=True), BotorchRecommender(acquisition_function="qLogEI")
            )
            campaign.add_measurements(table.iloc[problem.rows].assign(**{_TARGET: problem.standardised}))
            # What `recommend` takes the largest of; with it and the value of its choice the model would be fitted twice.
            gains = campaign.acquisition_values(table.iloc[problem.free]).to_numpy()
        best = int(np.argmax(gains))
        return Suggestion(int(problem.free[best]), exp(float(gains[best])) * problem.deviation)

    def search_space(self, encoding: Encoding) -> tuple[pd.DataFrame, Any]:
        """The candidates as BayBE takes them, and its search space of them."""
        from baybe.searchspace import SearchSpace

        if self._built is None or self._built[0] is not encoding:
            table = pd.DataFrame(encoding.numbers, columns=list(encoding.names))
            for descriptor in encoding.descriptors:
                table[descriptor.name] = [_label(code) for code in descriptor.codes.tolist()]
            self._built = (encoding, table, SearchSpace.from_dataframe(table, _parameters(encoding)))
        return self._built[1], self._built[2]


def _parameters(encoding: Encoding) -> list[Any]:
    from baybe.parameters import NumericalDiscreteParameter

    numbers = [
        NumericalDiscreteParameter(name, np.unique(column).tolist())
        for name, column in zip(encoding.names, encoding.numbers.T, strict=True)
    ]
    return numbers + [_parameter(descriptor) for descriptor in encoding.descriptors]


def _parameter(descriptor: Descriptor) -> Any:  # noqa: ANN401 - BayBE's classes are imported when they are used
    from baybe.parameters import CategoricalParameter, CustomDiscreteParameter

    labels = [_label(code) for code in range(len(descriptor.rows))]
    if descriptor.category:
        return CategoricalParameter(descriptor.name, labels)
    return CustomDiscreteParameter(descriptor.name, pd.DataFrame(descriptor.rows, index=labels).rename(columns=_label))


def _label(code: int) -> str:
    return f"r{code}"
