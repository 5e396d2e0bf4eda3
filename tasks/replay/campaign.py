"""A campaign on a table, replayed in this process: the campaign loop's own rounds without store, launcher or clock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from tansaku.models.domain.history import Entry, spent_cost
from tansaku.models.domain.pool import CandidatePool, FloatArray, IntArray
from tansaku.models.domain.ports import Proposer
from tansaku.models.domain.records import Refit
from tansaku.models.domain.search_state import SearchState
from tansaku.models.domain.states import EvaluationState, FailureKind, StopReason
from tansaku.tasks.steps.rounds import Plan, RoundRules, choose, fit_if_due, plan_round


class OnEvaluation(Protocol):
    """Told of each evaluation: how many there are and the cost spent so far."""

    def __call__(self, n_evaluations: int, cost: float) -> None:
        """Takes note."""


@dataclass(frozen=True)
class Replay:
    """A finished replay.

    Attributes:
        positions: Candidates in the order proposed, positions in the pool, shape ``(n,)``.
        n_initial: How many of them, from the front, are the initial design.
        stop: Why it ended; None when the proposer found nothing more to propose.
        refits: Hyper-parameters used, in order.
    """

    positions: IntArray
    n_initial: int
    stop: StopReason | None
    refits: tuple[Refit, ...]


def replay(
    pool: CandidatePool,
    values: FloatArray,
    proposer: Proposer,
    rules: RoundRules,
    *,
    count_initial: bool,
    on_evaluation: OnEvaluation | None = None,
) -> Replay:
    """Runs a campaign in ordered mode on known values.

    Args:
        pool: All candidates.
        values: Their objective, NaN where the evaluation fails, shape ``(n_candidates,)``.
        proposer: The method.
        rules: Its limits count the initial design or start after it, by ``count_initial``.
        count_initial: Whether the initial design is paid from the budget.
        on_evaluation: Told of each evaluation.
    """
    search = SearchState(pool, rules.direction)
    refits: list[Refit] = []
    previous = 0
    cost = 0.0
    while True:
        current = rules if count_initial else _after_initial(rules, search.entries)
        plan = plan_round(current, search, len(search) + 1, previous)
        if plan is None:
            raise AssertionError("a table answers at once, so every result up to the horizon is known")
        stop = plan.stop
        if stop is not None:
            break
        position = _next_position(proposer, plan, search, current, refits)
        if position is None:
            break
        entry = _evaluate(pool, values, plan.number, position)
        search.note(entry)
        previous = plan.horizon
        cost += entry.cost
        if on_evaluation is not None:
            on_evaluation(len(search), cost)
    positions = np.array([entry.position for entry in search.entries], dtype=np.intp)
    return Replay(positions, min(rules.initial_count, len(search)), stop, tuple(refits))


def _after_initial(rules: RoundRules, entries: Sequence[Entry]) -> RoundRules:
    """The rules with limits that start after the initial design; before its end nothing limits."""
    done = len(entries) >= rules.initial_count
    limit = (
        None
        if rules.limit is None or not done
        else rules.limit + spent_cost(entries[: rules.initial_count], rules.initial_count)
    )
    evaluations = rules.budget.evaluations
    budget = rules.budget.model_copy(update={"evaluations": None if evaluations is None else evaluations + rules.initial_count})
    return replace(rules, limit=limit, budget=budget)


def _next_position(proposer: Proposer, plan: Plan, search: SearchState, rules: RoundRules, refits: list[Refit]) -> int | None:
    refit = fit_if_due(proposer, plan, search, refits, rules)
    if refit is not None:
        refits.append(refit)
    proposal = choose(proposer, search.pool, plan, rules, refits[-1] if refits else None)
    return None if proposal is None else int(search.pool.positions([proposal.candidate])[0])


def _evaluate(pool: CandidatePool, values: FloatArray, number: int, position: int) -> Entry:
    value = float(values[position])
    cost = float(pool.cost[position])
    if np.isnan(value):
        return Entry(number, position, cost, EvaluationState.FAILED, failure=FailureKind.SCIENCE)
    return Entry(number, position, cost, EvaluationState.DONE, value)
