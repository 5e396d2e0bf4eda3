"""Other treatments of candidates whose result is awaited than the engine's; only for comparison."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.special import log_ndtr

from tansaku.models.domain.pool import BoolArray, CandidatePool, FloatArray, IntArray
from tansaku.models.domain.ports import History
from tansaku.models.domain.records import JsonDict
from tansaku.models.engine.gain import Prediction
from tansaku.models.engine.gp import GPProposer
from tansaku.models.engine.kernels import covariance, prior_variance
from tansaku.models.engine.presets import GPSettings
from tansaku.models.engine.transforms import TransformState

_PAIRS = 400
_NEAR = 1e-3


class Believer(GPProposer):
    """Pending candidates count as measured at their predicted mean: the kriging believer."""

    def __init__(self, settings: GPSettings) -> None:
        super().__init__(replace(settings, pending="believed"))


class Drawn(GPProposer):
    """Expected improvement is averaged over values drawn for pending candidates."""

    def __init__(self, settings: GPSettings) -> None:
        super().__init__(replace(settings, pending="drawn"))


class Liar(Believer):
    """Pending candidates count as measured at the best value of their system: the constant liar.

    Ginsbourger, Le Riche & Carraro (2010), https://doi.org/10.1007/978-3-642-10701-6_6.
    """

    def _predict(
        self, pool: CandidatePool, history: History, hyperparameters: JsonDict | None, state: TransformState
    ) -> Prediction:
        believed = super()._predict(pool, history, hyperparameters, state)
        pending = history.pending
        if not len(pending):
            return believed
        systems = pool.system_codes[history.observed]
        best = np.full(len(pool.systems), np.inf)
        np.minimum.at(best, systems, state.forward(history.values, systems))
        lies = best[pool.system_codes[pending]]
        lies = np.where(np.isfinite(lies), lies, believed.mean[pending])
        shared = believed.posterior.covariance_between(np.arange(len(pool)), pending)
        among = shared[pending] + believed.posterior.noise * np.eye(len(pending))
        mean = believed.mean + shared @ np.linalg.solve(among, lies - believed.mean[pending])
        return replace(believed, mean=mean)


class Masked(Believer):
    """Pending candidates are only excluded from proposals."""

    def _predict(
        self, pool: CandidatePool, history: History, hyperparameters: JsonDict | None, state: TransformState
    ) -> Prediction:
        return super()._predict(pool, replace(history, pending=history.pending[:0]), hyperparameters, state)


class Penalised(Masked):
    """Improvements are multiplied by the probability that no pending candidate keeps the minimum away from the candidate.

    Local penalisation, González, Dai, Hennig & Lawrence (2016), https://proceedings.mlr.press/v51/gonzalez16a.html: with a
    Lipschitz constant L, a pending candidate predicted at μ ± σ excludes the minimum from a ball of radius (μ − best) / L.
    Distances are the kernel's, √(k(x, x) + k(y, y) − 2 k(x, y)), because the pool's features have no metric in common; L is
    the largest ratio of difference of means to distance over pairs of candidates.
    """

    def _scores(
        self,
        pool: CandidatePool,
        history: History,
        predictions: list[Prediction],
        allowed: BoolArray,
        rng: np.random.Generator,
    ) -> tuple[FloatArray, bool]:
        values, logarithmic = super()._scores(pool, history, predictions, allowed, rng)
        if not len(history.pending):
            return values, logarithmic
        (prediction,) = predictions
        return values * np.exp(self._penalty(pool, history, prediction)), logarithmic

    def _penalty(self, pool: CandidatePool, history: History, prediction: Prediction) -> FloatArray:
        """Sum of the logarithms of the penalties, shape ``(n_candidates,)``."""
        mean, deviation = prediction.mean, np.maximum(prediction.deviation, 1e-9)
        everything, pending = np.arange(len(pool)), history.pending
        picked = np.linspace(0, len(pool) - 1, _PAIRS).astype(np.intp)
        apart = self._distances(pool, prediction, picked, picked)
        slopes = np.abs(mean[picked][:, None] - mean[picked]) / np.where(apart > _NEAR, apart, np.inf)
        lipschitz = max(float(slopes.max()), 1e-9)
        systems = pool.system_codes[history.observed]
        best = np.full(len(pool.systems), np.inf)
        np.minimum.at(best, systems, prediction.state.forward(history.values, systems))
        excluded = np.maximum(mean[pending] - best[pool.system_codes[pending]], 0.0)
        excluded = np.where(np.isfinite(excluded), excluded, 0.0)
        reach = lipschitz * self._distances(pool, prediction, everything, pending) - excluded
        return np.asarray(log_ndtr(reach / deviation[pending]).sum(axis=1))

    def _distances(self, pool: CandidatePool, prediction: Prediction, rows: IntArray, other: IntArray) -> FloatArray:
        terms, parameters = prediction.posterior._terms, prediction.posterior._parameters
        own = prior_variance(terms, pool, parameters)
        shared = covariance(terms, pool, parameters, rows, other)
        return np.asarray(np.sqrt(np.maximum(own[rows][:, None] + own[other] - 2.0 * shared, 0.0)))
