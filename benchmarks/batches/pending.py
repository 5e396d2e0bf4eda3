"""Other ways than the engine's to treat candidates whose result is awaited; for comparison only."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tansaku.models.domain.pool import CandidatePool
from tansaku.models.domain.ports import History
from tansaku.models.domain.records import JsonDict
from tansaku.models.engine.gain import Prediction
from tansaku.models.engine.gp import GPProposer
from tansaku.models.engine.transforms import TransformState


class Liar(GPProposer):
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


class Masked(GPProposer):
    """Pending candidates are not proposed again, and that is all."""

    def _predict(
        self, pool: CandidatePool, history: History, hyperparameters: JsonDict | None, state: TransformState
    ) -> Prediction:
        return super()._predict(pool, replace(history, pending=history.pending[:0]), hyperparameters, state)
