"""Replay of a campaign on a table in this process: the campaign loop's rounds without store, launcher or waiting."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from heapq import heappop, heappush
from typing import Protocol

import numpy as np

from tansaku.models.domain.certificate import Certificate
from tansaku.models.domain.history import Entry, expected_of, spent_cost
from tansaku.models.domain.levels import row_id
from tansaku.models.domain.pool import CandidatePool, FloatArray, IntArray
from tansaku.models.domain.ports import Proposer
from tansaku.models.domain.records import Proposal, Refit
from tansaku.models.domain.search_state import SearchState
from tansaku.models.domain.states import EvaluationState, FailureKind, StopReason
from tansaku.tasks.loop.ledger.rounds import Plan, RoundRules, choose, fit_if_due, plan_round
from tansaku.tasks.loop.steps.certificates import draw_up, is_due


class OnEvaluation(Protocol):
    """Callback for each evaluation, with the number of evaluations and the cost so far."""

    def __call__(self, n_evaluations: int, cost: float) -> None:
        """Records an evaluation."""


@dataclass(frozen=True)
class Replay:
    """A finished replay.

    Attributes:
        positions: Candidates, positions in the pool, shape ``(n,)``: in the order proposed, in free mode in the order in which
            their evaluations ended.
        ended_at: When each evaluation ended [unit of the run times], same shape.
        n_initial: How many of them, from the front, are the initial design.
        stop: Why it ended; None when the proposer found nothing more to propose.
        refits: Hyper-parameters used, in order.
    """

    positions: IntArray
    ended_at: FloatArray
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
    run_times: FloatArray | None = None,
    on_evaluation: OnEvaluation | None = None,
) -> Replay:
    """Runs a campaign on known values: evaluations take their time on a clock of their own, as many at once as the rules say.

    Args:
        values: Their objective, NaN where the evaluation fails, shape ``(n_candidates,)``; with several objectives
            ``(n_candidates, n_objectives)``.
        rules: Its limits count the initial design or start after it, by ``count_initial``.
        count_initial: Whether the initial design is paid from the budget.
        run_times: How long each evaluation takes, positive, shape ``(n_candidates,)``; None: its cost.
        on_evaluation: Called for each evaluation that begins.
    """
    jobs = _Jobs(pool, values, pool.cost if run_times is None else run_times)
    search = SearchState(pool, rules.direction, rules.further)
    past = _Past()
    previous, cost, over = 0, 0.0, False
    stop: StopReason | None = None
    while True:
        current = rules if count_initial else _after_initial(rules, search.entries)
        number, has_place = len(search) + 1, len(jobs) < rules.in_flight and not over
        plan = plan_round(current, search, number, previous) if has_place else None
        if over and not len(jobs) and past.ended is not None:
            # As a campaign: results that were awaited when its stop rule ended it may show that it continues.
            wider = plan_round(current, search, number, previous, reopened=True)
            plan = wider if wider is not None and wider.results != past.ended.results else None
            if plan is not None and plan.stop is not None:
                past.ended = None
        proposal = None
        if plan is not None:
            stop = plan.stop
            found = stop if stop is not None else _next_proposal(proposer, plan, search, current, past)
            stop, proposal = (found, None) if isinstance(found, StopReason) else (None, found)
            # In free mode a proposer without a candidate may find one when more is known.
            over = proposal is None and (stop is not None or rules.ordered or not len(plan.history.pending))
        if plan is not None and proposal is not None:
            row, state = row_id(proposal.candidate, proposal.level), EvaluationState.RUNNING
            position = int(pool.positions([row])[0])
            entry = Entry(plan.number, position, float(pool.cost[position]), state, expected=expected_of(proposal))
            search.note(entry)
            jobs.begin(entry)
            previous = plan.horizon
            cost += entry.cost
            if on_evaluation is not None:
                on_evaluation(len(search), cost)
        elif len(jobs):
            search.note(jobs.next_ended())
        else:
            break
    order = sorted(jobs.ended) if rules.ordered else list(jobs.ended)
    positions = np.array([jobs.ended[number][0] for number in order], dtype=np.intp)
    ended_at = np.array([jobs.ended[number][1] for number in order], dtype=np.float64)
    return Replay(positions, ended_at, min(rules.initial_count, len(order)), stop, tuple(past.refits))


class _Jobs:
    """Evaluations in progress on the replay's clock.

    Attributes:
        ended: Position and time of each that has ended, by proposal number, in the order in which they ended.
    """

    def __init__(self, pool: CandidatePool, values: FloatArray, run_times: FloatArray) -> None:
        self._pool = pool
        self._values = values
        self._run_times = run_times
        self._now = 0.0
        self._under_way: list[tuple[float, int, Entry]] = []
        self.ended: dict[int, tuple[int, float]] = {}

    def __len__(self) -> int:
        return len(self._under_way)

    def begin(self, entry: Entry) -> None:
        """Begins an evaluation now."""
        heappush(self._under_way, (self._now + float(self._run_times[entry.position]), entry.number, entry))

    def next_ended(self) -> Entry:
        """Moves the clock to the next end; of equal ones the one proposed first."""
        self._now, number, entry = heappop(self._under_way)
        self.ended[number] = entry.position, self._now
        value, *others = np.atleast_1d(self._values[entry.position]).tolist()
        if np.isnan([value, *others]).any():
            return replace(entry, state=EvaluationState.FAILED, failure=FailureKind.SCIENCE)
        return replace(entry, state=EvaluationState.DONE, value=value, others=tuple(others))


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


@dataclass
class _Past:
    """Results of the rounds of a replay so far: refits in order, certificates by number, and the one that ended it."""

    refits: list[Refit] = field(default_factory=list)
    certificates: dict[int, Certificate] = field(default_factory=dict)
    ended: Certificate | None = None


def _next_proposal(
    proposer: Proposer, plan: Plan, search: SearchState, rules: RoundRules, past: _Past
) -> Proposal | StopReason | None:
    refit = fit_if_due(proposer, plan, search, past.refits, rules, reopened=past.ended is not None)
    if refit is not None:
        past.refits.append(refit)
    last = past.refits[-1] if past.refits else None
    if rules.budget.stop is not None and is_due(rules, plan):
        certificate = draw_up(proposer, search, plan, rules, last, past.certificates)
        past.ended = certificate if certificate is not None and certificate.stops else None
        if past.ended is not None:
            return rules.budget.stop.reason
        if certificate is not None:
            past.certificates[plan.number] = certificate
    return choose(proposer, search.pool, plan, rules, last)
