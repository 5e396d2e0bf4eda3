"""Whether looks at many candidates, before any further full value, are worth their cost.

The index of a look weighs it against one full value alone. But where looks are cheap, a look at every candidate may be the best
use of the budget. So two plans are compared by draws from the model: to spend the remaining budget on the full values that
promise most now, or to look at a part of the candidates first and to spend what is left on those that promise most then.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil

import numpy as np

from tansaku.models.domain.pool import BoolArray, FloatArray, IntArray
from tansaku.models.engine.acquisition import expected_improvement
from tansaku.models.engine.levels.index import AT_ONCE, Belief, left_after

PARTS = (0.25, 0.5, 1.0)
"""Parts of the candidates that a plan looks at."""

MOST = 0.5
"""Share of the remaining budget that a plan's looks cost at most."""

_DRAWS = 200
_CANDIDATES = 4096
"""Candidates that are drawn: those with the lowest mean less deviation."""

Gain = Callable[[FloatArray, IntArray], FloatArray]


@dataclass(frozen=True)
class Plan:
    """Two ways to spend a budget: full values alone, or looks at a part of the candidates before.

    Attributes:
        belief: About the full values of n candidates, relative to what they have to beat.
        informed: Gives the deviation of the means of some candidates that a look would cause, shape ``(n_models, m)``.
        look: Cost of each look, infinite where none can be bought, shape ``(n,)``.
        full: Cost of each full value, infinite where it cannot be bought, shape ``(n,)``.
        rest: The same after a look.
        budget: That is left.
        gain: Of values that are drawn, shape ``(n_draws, k)``, and their candidates, of the same shape: what these are worth
            together, shape ``(n_draws,)``.
    """

    belief: Belief
    informed: Callable[[IntArray], FloatArray]
    look: FloatArray
    full: FloatArray
    rest: FloatArray
    budget: float
    gain: Gain

    def looks(self, rng: np.random.Generator) -> IntArray:
        """Candidates to look at, those that promise most first; none where full values alone are expected to gain more."""
        mean, deviation = self.belief.weights @ self.belief.mean, self.belief.weights @ self.belief.deviation
        open_ = np.flatnonzero(np.isfinite(self.full))
        near = open_[np.argsort((mean - deviation)[open_], kind="stable")][:_CANDIDATES]
        able = np.isfinite(self.look[near])
        parts = [able & (np.cumsum(able) <= ceil(part * np.count_nonzero(able))) for part in PARTS]
        paid = [looked for looked in parts if looked.any() and self.look[near][looked].sum() <= MOST * self.budget]
        if not paid:  # Nothing is drawn, which of many candidates would take long.
            return near[:0]
        drawn = _Draws.of(self.belief.take(near), self._caused(near, able), rng)
        best, chosen = self._gained(near, drawn, np.zeros(len(near), dtype=np.bool_)), near[:0]
        for looked in paid:
            found = self._gained(near, drawn, looked)
            if found > best:
                best, chosen = found, near[looked]
        return chosen

    def _caused(self, near: IntArray, able: BoolArray) -> FloatArray:
        """Deviation of the means that looks would cause, zero where none can be bought; in parts, for want of memory."""
        caused, places = np.zeros((len(self.belief.weights), len(near))), np.flatnonzero(able)
        for begin in range(0, len(places), AT_ONCE):
            part = places[begin : begin + AT_ONCE]
            caused[:, part] = self.informed(near[part])
        return caused

    def _gained(self, near: IntArray, drawn: _Draws, looked: BoolArray) -> float:
        """Expected gain where some candidates get a look first."""
        left = self.budget - float(self.look[near][looked].sum())
        price = np.where(looked, self.rest[near], self.full[near])
        count = min(int(left / float(price.mean())), len(near))
        if count < 1:
            return 0.0
        scores = expected_improvement(*drawn.after(looked), np.zeros(len(near)))
        picks = np.argpartition(-scores, count - 1, axis=1)[:, :count]
        return float(self.gain(np.take_along_axis(drawn.values, picks, axis=1), near[picks]).mean())


@dataclass(frozen=True)
class _Draws:
    """Looks and full values that are drawn from the model, shape ``(n_draws, n)`` each.

    Attributes:
        before: Means and deviations without a look.
        informed: Those after one.
        values: Full values.
    """

    before: tuple[FloatArray, FloatArray]
    informed: tuple[FloatArray, FloatArray]
    values: FloatArray

    @classmethod
    def of(cls, belief: Belief, informed: FloatArray, rng: np.random.Generator) -> _Draws:
        """Draws a model, then looks and values of each candidate by itself."""
        model = rng.choice(len(belief.weights), size=_DRAWS, p=belief.weights)
        left, shape = left_after(belief, informed)[model], (_DRAWS, belief.mean.shape[1])
        after = belief.mean[model] + informed[model] * rng.standard_normal(shape)
        values = after + left * rng.standard_normal(shape)
        return cls((belief.mean[model], belief.deviation[model]), (after, left), values)

    def after(self, looked: BoolArray) -> tuple[FloatArray, FloatArray]:
        """Means and deviations when some candidates, shape ``(n,)``, have had a look."""
        return np.where(looked, self.informed[0], self.before[0]), np.where(looked, self.informed[1], self.before[1])
