"""The Pandora's-box index as an acquisition; only for comparison.

Each candidate is a box that costs c and holds f. The index g of a box solves E[max(0, g − f)] = λ c, and the box with the
lowest is opened; each system has its own best value b, so that its boxes count by g − b. Xie, Astudillo, Frazier, Scully &
Terenin (2024), https://doi.org/10.48550/arXiv.2406.20062. The price λ of a unit of cost begins at half the largest expected
improvement per cost, and falls to half the current one whenever no index lies below its best value.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from tansaku.models.domain.pool import BoolArray, CandidatePool, FloatArray
from tansaku.models.domain.ports import History
from tansaku.models.engine.acquisition import expected_improvement, log_expected_improvement
from tansaku.models.engine.gain import Prediction, levels
from tansaku.models.engine.gp import GPProposer
from tansaku.models.engine.presets import GPSettings

Between = Literal["index", "rate"]
"""Comparison of systems: by the lowest index less their best value, or by the improvement per cost of its candidate."""

_STEPS = 60
_NEAR, _FAR = -38.0, 60.0


class Indexed(GPProposer):
    """Chooses by the index; the price of cost is kept between calls, so that it serves replays alone.

    Args:
        settings: Of the model.
        between: How systems are compared.
        keeps: Whether the price stays until no index is below; false: always half the largest improvement per cost.
    """

    def __init__(self, settings: GPSettings, between: Between = "index", *, keeps: bool = True) -> None:
        super().__init__(settings)
        self._between, self._keeps, self._price = between, keeps, np.inf

    def _scores(
        self,
        pool: CandidatePool,
        history: History,
        predictions: list[Prediction],
        allowed: BoolArray,
        rng: np.random.Generator,  # noqa: ARG002 - the base class hands it over
    ) -> tuple[FloatArray, bool]:
        (prediction,) = predictions
        state = prediction.state
        best = levels(self._settings.goal, pool, history, prediction)[pool.system_codes]
        mean = prediction.mean * state.scale + state.centre[pool.system_codes]
        deviation = prediction.deviation * state.scale
        rates = expected_improvement(mean, deviation, best) / pool.cost
        most = float(np.max(rates[allowed]))
        # An index is below the best value if and only if the improvement per cost is above the price.
        if not self._keeps or most <= self._price:
            self._price = 0.5 * most
        below = best - indices(mean, deviation, self._price * pool.cost)
        if self._between == "index":
            return below, False
        first = np.full(len(pool.systems), -np.inf)
        np.maximum.at(first, pool.system_codes[allowed], below[allowed])
        return np.where(below >= first[pool.system_codes], rates, -1.0), False


def indices(mean: FloatArray, deviation: FloatArray, price: FloatArray) -> FloatArray:
    """Values g at which the expected improvement on g equals a price, any shape.

    Args:
        mean: Predicted.
        deviation: Predicted.
        price: In the same unit; positive.
    """
    sigma = np.maximum(deviation, np.finfo(np.float64).tiny)
    wanted = np.log(np.maximum(price, np.finfo(np.float64).tiny)) - np.log(sigma)
    # Far above the mean the improvement is the distance itself.
    low, high = np.full(mean.shape, _NEAR), np.full(mean.shape, _FAR)
    zero, unit = np.zeros(mean.shape), np.ones(mean.shape)
    for _ in range(_STEPS):
        middle = 0.5 * (low + high)
        enough = log_expected_improvement(zero, unit, middle) >= wanted
        high, low = np.where(enough, middle, high), np.where(enough, low, middle)
    return np.where(wanted > np.log(_FAR), mean + price, mean + sigma * high)
