"""Outlooks: what the next evaluations are expected to gain, by the model and by how right the campaign's predictions were."""

from __future__ import annotations

import numpy as np

from tansaku.models.domain.levels import of_wanted
from tansaku.models.domain.outlook import (
    CHANCE_SCALE,
    FRONT_CHANCE_SCALE,
    FRONT_GAIN_SCALE,
    GAIN_SCALE,
    SURE,
    UNCLEAR,
    Outlook,
    missing,
    next_count,
    own_scale,
    surprises,
)
from tansaku.models.domain.pool import CandidatePool, FloatArray
from tansaku.models.domain.ports import History, NextGains
from tansaku.models.domain.records import Refit
from tansaku.models.domain.search_state import SearchState
from tansaku.models.domain.specs.objective import Price
from tansaku.tasks.loop.ledger.rounds import Plan, RoundRules

_HOUR = 3600.0


def outlook_of(ahead: NextGains, search: SearchState, plan: Plan, rules: RoundRules, refit: Refit | None) -> Outlook:
    """Returns what the next evaluations are expected to gain, or what is missing before that can be said.

    Args:
        ahead: Asks the model.
        plan: The proposal that would be chosen next.
        rules: The plan of the round.
        refit: The last refit, if there was one.
    """
    pool, history = of_wanted(search.pool, plan.history)
    counts = result_counts(pool, history, by_system=ahead.groups > 1)
    lacking = missing(counts, direction=rules.direction, unit=rules.unit, words=rules.words, rank=ahead.rank)
    if lacking is not None:
        return lacking
    open_ = sum(left for _, left in counts.values())
    count = next_count(len(history.observed), _remaining(pool, history), open_)
    sign = 1.0 if rules.direction == "minimize" else -1.0
    known = Outlook(
        evaluations=count,
        systems=len(counts),
        rank=ahead.rank,
        direction=rules.direction,
        unit=rules.unit,
        threshold=None if ahead.threshold is None else sign * ahead.threshold,
        words=rules.words,
        volume=ahead.volume,
        unknown=ahead.unknown,
    )
    if refit is not None and refit.hyperparameters.get(UNCLEAR, False):
        return known.model_copy(update={"unclear": True})
    if not count:
        return known
    hope = ahead.hope(count)
    if equal := _equal(history, further=ahead.volume or hope is not None):
        return known.model_copy(update={"equal": equal})
    if hope is not None:
        return known.model_copy(update={"hope": hope[0], "awaited": hope[1]})
    if ahead.unknown == ahead.groups:
        return known
    scale = scale_of(search, plan, rules)
    by_chance, by_gain = (FRONT_CHANCE_SCALE, FRONT_GAIN_SCALE) if ahead.volume else (CHANCE_SCALE, GAIN_SCALE)
    largest = ahead.gains(count, by_chance * scale).max(axis=1)
    # A number of candidates is whole, as is the one that is exceeded by so few samples.
    most = float(np.quantile(largest, SURE, method="linear" if ahead.threshold is None else "inverted_cdf"))
    expected = float(ahead.gains(count, by_gain * scale).sum(axis=1).mean())
    return known.model_copy(update={"gain": expected, "most": most, "chance": float((largest > most).mean()), "scale": scale})


def rate_of(
    ahead: NextGains, search: SearchState, plan: Plan, rules: RoundRules, refit: Refit | None, price: Price
) -> float | None:
    """Returns the largest expected gain of the next evaluation for its price; None where too little is known.

    It is in the objective's unit, or in per cent of the volume that a front dominates.

    Args:
        ahead: Asks the model.
        plan: The proposal that would be chosen next.
        rules: The plan of the round.
        refit: The last refit, if there was one; a failed one is not accepted.
        price: What the gain is paid with.
    """
    pool, history = of_wanted(search.pool, plan.history)
    counts = result_counts(pool, history, by_system=ahead.groups > 1)
    lacking = missing(counts, direction=rules.direction, unit=rules.unit, rank=ahead.rank)
    accepted = refit is not None and refit.ok and refit.hyperparameters and not refit.hyperparameters.get(UNCLEAR, False)
    if lacking is not None or not accepted or ahead.unknown or _equal(history, further=ahead.volume):
        return None
    factor, by_gain = (100.0, FRONT_GAIN_SCALE) if ahead.volume else (1.0, GAIN_SCALE)
    return factor * ahead.rate(_prices(search.pool, price), by_gain * scale_of(search, plan, rules))


def _equal(history: History, *, further: bool) -> str:
    """Returns what all results have in common among what gains follow from, in words; empty: nothing.

    A model of equal values takes one unit for their deviation, so that what it expects depends on the unit.

    Args:
        history: What is known.
        further: Whether gains follow from further quantities too.
    """
    if len(history.values) and not np.ptp(history.values):
        return "the value"
    equal = further and len(history.others) and (np.ptp(history.others, axis=0) == 0.0).any()
    return "a further quantity" if equal else ""


def scale_of(search: SearchState, plan: Plan, rules: RoundRules) -> float:
    """Factor on the samples' deviations by how right the campaign's own predictions were, as far as the plan may know."""
    return own_scale(surprises(search.entries, plan.horizon, rules.direction))


def result_counts(pool: CandidatePool, history: History, *, by_system: bool) -> dict[str, tuple[int, int]]:
    """Results and open candidates of each system, or of the whole search under an empty name."""
    codes = pool.system_codes
    closed = np.union1d(history.observed, history.failed).astype(np.intp)
    have = np.bincount(codes[history.observed], minlength=len(pool.systems))
    left = np.bincount(codes, minlength=len(pool.systems)) - np.bincount(codes[closed], minlength=len(pool.systems))
    if not by_system:
        return {"": (int(have.sum()), int(left.sum()))}
    return dict(zip(pool.systems, zip(have.tolist(), left.tolist(), strict=True), strict=True))


def _prices(pool: CandidatePool, price: Price) -> FloatArray:
    match price:
        case "evaluation":
            return np.ones(len(pool))
        case "cost":
            return pool.cost
        case "core_hour":
            return pool.cost / _HOUR


def _remaining(pool: CandidatePool, history: History) -> int | None:
    """Evaluations that the budget leaves, at the mean cost of all candidates; None without a limit."""
    limits = [history.remaining_evaluations]
    if history.remaining_cost is not None:
        limits.append(int(history.remaining_cost / float(pool.cost.mean())))
    known = [max(0, limit) for limit in limits if limit is not None]
    return min(known) if known else None
