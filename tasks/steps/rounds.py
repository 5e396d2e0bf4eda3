"""One round, as pure calls: plan it, fit if the schedule says so, choose. The campaign loop and the replay share them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from tansaku.models.domain.errors import FitError
from tansaku.models.domain.history import (
    Direction,
    Entry,
    build_history,
    horizon,
    is_known,
    observed_count,
    remaining_cost,
    stop_reason,
)
from tansaku.models.domain.identifiers import proposal_rng
from tansaku.models.domain.pool import CandidatePool
from tansaku.models.domain.ports import History, Proposer
from tansaku.models.domain.records import Proposal, Refit
from tansaku.models.domain.specs.campaign import BudgetSpec
from tansaku.models.domain.states import StopReason


@dataclass(frozen=True)
class RoundRules:
    """What a round goes by; edits make a new value.

    Attributes:
        seed: The campaign's seed.
        source: Hash of what computes, see :class:`Proposal`.
        direction: Of the objective.
        budget: The limits.
        limit: Cost that may be spent in all, None for no limit [the spec's cost unit].
        initial_count: Proposals in the initial design.
        in_flight: Evaluations under way at once.
        ordered: False: use all that has finished.
    """

    seed: int
    source: str
    direction: Direction
    budget: BudgetSpec
    limit: float | None
    initial_count: int
    in_flight: int = 1
    ordered: bool = True


@dataclass(frozen=True)
class Plan:
    """The next proposal before it is chosen.

    Attributes:
        number: Its number k.
        horizon: Largest number it is conditioned on.
        history: What it may know.
        stop: Why it may not be made, or None.
    """

    number: int
    horizon: int
    history: History
    stop: StopReason | None


def plan_round(
    rules: RoundRules, pool: CandidatePool, entries: Sequence[Entry], number: int, previous_horizon: int
) -> Plan | None:
    """Plans proposal ``number``.

    Args:
        rules: What the round goes by.
        pool: All candidates.
        entries: The search's proposals so far.
        number: k: the last number committed plus one.
        previous_horizon: h(k-1), 0 before the first proposal.

    Returns:
        The plan, or None while results it is conditioned on are still missing.
    """
    if rules.ordered:
        up_to = horizon(number, previous_horizon, rules.in_flight, rules.initial_count)
        if not is_known(entries, up_to):
            return None
    else:
        up_to = number - 1 if number > rules.initial_count else 0
        if number == rules.initial_count + 1 and not is_known(entries, rules.initial_count):
            return None
    history = build_history(entries, up_to, rules.direction, remaining_cost(rules.limit, entries))
    return Plan(number, up_to, history, stop_reason(rules.budget, pool, entries, up_to, rules.limit))


def fit_if_due(
    proposer: Proposer,
    pool: CandidatePool,
    plan: Plan,
    entries: Sequence[Entry],
    refits: Sequence[Refit],
    campaign: str,
) -> Refit | None:
    """Fits hyper-parameters for a plan when the schedule says so and no stored refit is meant for it.

    A failed fit is a refit too: it keeps the last good values, is marked, and counts in the schedule.

    Args:
        refits: The campaign's refits so far, in order.
        campaign: Name written into the record.

    Returns:
        A new refit, to be stored before its first use, or None.
    """
    if not len(plan.history.observed) or (refits and refits[-1].at_proposal == plan.number):
        return None
    fitted_at = [observed_count(entries, refit.horizon) for refit in refits]
    if not proposer.refit_due(len(plan.history.observed), fitted_at):
        return None
    previous = refits[-1].hyperparameters if refits else None
    ok, message = True, ""
    try:
        values = proposer.fit(pool, plan.history, previous)
    except FitError as error:
        ok, message, values = False, error.message, previous or {}
    return Refit(
        campaign=campaign,
        number=len(refits) + 1,
        at_proposal=plan.number,
        horizon=plan.horizon,
        hyperparameters=values,
        ok=ok,
        message=message,
        fitted_at=datetime.now(UTC),
    )


def choose(
    proposer: Proposer, pool: CandidatePool, plan: Plan, rules: RoundRules, refit: Refit | None = None
) -> Proposal | None:
    """Chooses the planned proposal, or None when no allowed candidate is left.

    Args:
        refit: The last refit, if there was one.
    """
    begun = time.perf_counter()
    hyperparameters = refit.hyperparameters if refit is not None and refit.hyperparameters else None
    rng = proposal_rng(rules.seed, plan.number)
    choice = proposer.propose(pool, plan.history, plan.number, rng, hyperparameters)
    if choice is None:
        return None
    sign = 1.0 if rules.direction == "minimize" else -1.0
    position = choice.position
    return Proposal(
        number=plan.number,
        candidate=str(pool.ids[position]),
        system=pool.systems[pool.system_codes[position]],
        surface=pool.surfaces[pool.surface_codes[position]],
        source=rules.source,
        predicted_cost=float(pool.cost[position]),
        initial=choice.initial,
        horizon=plan.horizon,
        acquisition=choice.acquisition,
        predicted_mean=None if choice.mean is None else sign * choice.mean,
        predicted_deviation=choice.deviation,
        model=proposer.name,
        refit=refit.number if refit is not None else None,
        proposer_seconds=time.perf_counter() - begun,
    )
