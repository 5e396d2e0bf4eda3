"""Balance between systems: a minimum number of evaluations for each, and proposals reserved for the least-known system.

Expected improvement per cost spends least on systems that are expensive or that began well, and there a search misses minima
most often. Both rules only narrow down which systems may be chosen from; the acquisition chooses within them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tansaku.models.domain.pool import BoolArray, CandidatePool
from tansaku.models.domain.ports import History
from tansaku.models.engine.certificate import AS_DRAWN, Remaining, question
from tansaku.models.engine.gain import Prediction
from tansaku.models.engine.goals import reached_levels
from tansaku.models.engine.presets import GPSettings

CONFIDENCE = 0.95
"""Probability of the tolerances that are compared."""

JOINT = 48
"""Candidates of a system that are sampled jointly; a certificate that is shown takes more, but here only the order counts."""

_ROUNDING = 1e-9


def balanced(
    settings: GPSettings,
    pool: CandidatePool,
    history: History,
    predictions: Sequence[Prediction],
    allowed: BoolArray,
    number: int,
) -> BoolArray:
    """Returns the candidates that may be chosen under the settings' floor and share of the worst system.

    Args:
        settings: With ``floor`` and ``worst_first``; with neither, ``allowed`` is returned as it is.
        pool: The pool.
        history: With at least one observation.
        predictions: Of each member of the model, with fantasies for pending candidates.
        allowed: Candidates that may be proposed, at least one, shape ``(n_candidates,)``.
        number: Proposal number, counted from 1.
    """
    if not settings.goal.by_system or len(pool.systems) < 2:
        return allowed
    codes = pool.system_codes
    open_ = np.bincount(codes[allowed], minlength=len(pool.systems)) > 0
    spent = np.concatenate([history.observed, history.failed, history.pending])
    short = open_ & (np.bincount(codes[spent], minlength=len(pool.systems)) < settings.floor)
    if short.any():
        return allowed & short[codes]
    if not _is_due(settings.worst_first, number):
        return allowed
    system = _widest(settings, pool, history, predictions, allowed)
    return allowed if system is None else allowed & (codes == system)


def _is_due(share: float, number: int) -> bool:
    """Returns whether a proposal's number is reserved for the worst system; reserved numbers are evenly spaced."""
    return int(number * share + _ROUNDING) > int((number - 1) * share + _ROUNDING)


def _widest(
    settings: GPSettings, pool: CandidatePool, history: History, predictions: Sequence[Prediction], allowed: BoolArray
) -> int | None:
    """The system that may still improve most by an allowed candidate; None where none may improve at all.

    Systems without a value are left to the acquisition, which prefers them anyway: one in which every evaluation fails
    would otherwise get the whole share.
    """
    levels = reached_levels(settings.goal, pool, history.observed, history.values)
    asked = replace(question(pool, levels, allowed, len(history.observed), by_system=True), joint=JOINT)
    # The random numbers are the same at each call, so that systems are compared under the same draws.
    remaining = Remaining(pool, predictions, asked, np.random.default_rng(0), AS_DRAWN)
    system, tolerance = None, 0.0
    for code in np.flatnonzero(np.isfinite(levels)).tolist():
        # A tolerance needs a bisection; for most systems a single comparison shows that theirs is smaller.
        if remaining.probability_of(code, tolerance) < CONFIDENCE:
            system, tolerance = code, remaining.tolerance_of([code], CONFIDENCE)
    return system
