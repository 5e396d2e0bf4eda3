"""Judge of the desirability of several quantities: each has a model, and draws of all tell what a candidate may gain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tansaku.models.domain.desirability import desirability, positions
from tansaku.models.domain.pool import BoolArray, FloatArray
from tansaku.models.domain.ports import NextGains
from tansaku.models.domain.specs.objective import DesiredSpec
from tansaku.models.engine.certificate import Question
from tansaku.models.engine.ensemble import averaged
from tansaku.models.engine.gain import Prediction
from tansaku.models.engine.goals import Goal, reached_levels
from tansaku.models.engine.several import Known, ahead_of, joined
from tansaku.models.engine.several_outlook import Desired, Limited, drawn

_DRAWS = 64
_LEAST = 1e-6


class DesirabilityJudge:
    """Expected improvement of the desirability, whose quantities are predicted and not it itself.

    A model of the desirability would not know that it is zero wherever one quantity is of no use; it gives the prediction that
    is shown. While no draw of any candidate gains anything, that candidate is chosen whose quantities are on average the
    nearest to what is wanted.

    Args:
        desired: The quantities.
        goal: Which candidates are wanted.
    """

    name = "desirability"
    oriented = 1

    def __init__(self, desired: Sequence[DesiredSpec], goal: Goal) -> None:
        self._desired, self.goal = tuple(desired), goal

    @property
    def count(self) -> int:
        """Number of models: of the desirability, and of each quantity."""
        return 1 + len(self._desired)

    def values(self, known: Known, rng: np.random.Generator) -> tuple[FloatArray, bool]:
        """Acquisition values of all candidates; they are no logarithms."""
        members, weights = joined(known.predictions[1:])
        white = rng.standard_normal((_DRAWS, len(self._desired)))
        gains, nearness = zip(*(self._of(known, of_all, white) for of_all in members), strict=True)
        found, _ = averaged([(values, False) for values in gains], weights)
        if found[known.allowed].max() > _LEAST:
            return found, False
        return averaged([(values, False) for values in nearness], weights)

    def ahead(self, known: Known, asked: Question, kept: Sequence[BoolArray], rng: np.random.Generator) -> NextGains:
        """Gains of the next evaluations, by samples of the quantities; arguments as of ``Judge``."""
        quantities, samples = known.predictions[1:], []
        for group, within in zip(asked.groups, kept, strict=True):
            parts = tuple(drawn(known.pool, of_one, group, rng) for of_one in quantities)
            samples.append(Limited(Desired(group, self._desired, parts), within))
        # Nothing is worth less than zero, so that everything is compared with it before there is a value.
        asked = replace(asked, levels=np.minimum(asked.levels, 0.0))
        return ahead_of(known, asked, [(quantities[0][0].state, samples)], [1.0], kept)

    def _of(self, known: Known, predictions: Sequence[Prediction], white: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Expected gain, and the mean position between of no use and as wanted, shape ``(n_candidates,)`` each."""
        pool, history = known.pool, known.history
        means = np.column_stack([_restored(pool.system_codes, item, 0.0) for item in predictions])
        places = np.concatenate([history.observed[known.kept], history.pending[known.likely]])
        reached = np.concatenate(
            [-history.values[known.kept], desirability(self._desired, means[history.pending[known.likely]])]
        )
        levels = -reached_levels(self.goal, pool, places, -reached)
        levels = np.where(np.isfinite(levels), levels, 0.0)[pool.system_codes]
        gained = np.zeros(len(pool))
        for row in white:
            drawn = [_restored(pool.system_codes, item, step) for item, step in zip(predictions, row, strict=True)]
            gained += np.maximum(desirability(self._desired, np.column_stack(drawn)) - levels, 0.0)
        weights = [item.weight for item in self._desired]
        nearness = np.minimum(positions(self._desired, means), 1.0) @ weights
        return gained / len(white), nearness


def _restored(systems: np.ndarray, prediction: Prediction, step: float) -> FloatArray:
    """A quantity at a number of deviations from its mean, in its own unit, shape ``(n_candidates,)``."""
    state = prediction.state
    return state.restored((prediction.mean + step * prediction.deviation) * state.scale + state.centre[systems])
