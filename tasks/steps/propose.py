"""Propose: plan the next number, fit if the schedule says so, choose, commit."""

from __future__ import annotations

import time

from tansaku.models.domain.records import Evaluation, Proposal
from tansaku.models.domain.states import StopReason
from tansaku.tasks.steps.context import StepContext
from tansaku.tasks.steps.rounds import Plan, RoundRules, choose, fit_if_due, plan_round


def propose(context: StepContext) -> Evaluation | StopReason | None:
    """Commits the next proposal of the search.

    Returns:
        Its evaluation (PROPOSED), the reason why there will be none, or None while results it needs are missing.
    """
    ledger = context.ledger
    number = ledger.last_number + 1
    previous = ledger.evaluations[number - 1].proposal.horizon if number > 1 else 0
    rules = context.rules
    plan = plan_round(rules, ledger.search, number, previous)
    if plan is None:
        return None
    begun = time.perf_counter()
    refit = fit_if_due(context.proposer, plan, ledger.search, ledger.refits, rules)
    ledger.proposer_seconds += time.perf_counter() - begun
    if refit is not None:
        # Stored before its first use: a resume must go on with these very numbers.
        stored = context.store.insert_refit(context.lease, refit)
        ledger.note_refit(stored)
        context.observer.on_refit(stored)
        if stored.cost is not None:
            # As a resume would: planned anew with the prices that hold now.
            plan = plan_round(rules, ledger.search, number, previous)
    if plan is None or plan.stop is not None:
        return None if plan is None else plan.stop
    begun = time.perf_counter()
    proposal = choose(context.proposer, ledger.pool, plan, rules, ledger.refits[-1] if ledger.refits else None)
    ledger.proposer_seconds += time.perf_counter() - begun
    if proposal is None:
        return _nothing_left(plan, rules)
    return commit(context, proposal)


def commit(context: StepContext, proposal: Proposal) -> Evaluation:
    """Stores a proposal and notes its evaluation; a number that was committed before keeps its first proposal."""
    evaluation = context.store.insert_proposal(context.lease, proposal)
    context.ledger.note(evaluation)
    context.observer.on_proposal(evaluation)
    return evaluation


def _nothing_left(plan: Plan, rules: RoundRules) -> StopReason | None:
    if not rules.ordered and len(plan.history.pending):
        return None
    return StopReason.EXHAUSTED if rules.limit is None else StopReason.BUDGET
