"""One round, as pure calls: plan it, fit if the schedule says so, choose. The campaign loop and the replay share them."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import get_args

import numpy as np

from tansaku.models.domain.errors import FitError
from tansaku.models.domain.history import CONFIGURATION_REASONS, decide, horizon, measured_costs
from tansaku.models.domain.identifiers import is_finite, proposal_rng, short_hash
from tansaku.models.domain.levels import priced_for_resuming, resumed_levels
from tansaku.models.domain.outliers import check_magnitudes, trusted
from tansaku.models.domain.pool import CandidatePool
from tansaku.models.domain.ports import History, Proposer
from tansaku.models.domain.records import JsonDict, Proposal, Refit
from tansaku.models.domain.search_state import SearchState
from tansaku.models.domain.specs.budget import BudgetSpec
from tansaku.models.domain.specs.campaign import ObjectiveSpec
from tansaku.models.domain.specs.cost import CostPrior
from tansaku.models.domain.specs.evaluation_limits import LimitReason
from tansaku.models.domain.specs.objective import Direction
from tansaku.models.domain.states import StopReason
from tansaku.models.domain.wording import SYSTEM_WORDS
from tansaku.models.engine.cost import CostModel, cost_due, fit_cost, priced
from tansaku.models.engine.initial import Remaining


@dataclass(frozen=True)
class RoundRules:
    """Rules of a round; edits make a new value.

    Attributes:
        seed: The campaign's seed.
        source: Hash of what computes, see :class:`Proposal`.
        direction: Of the objective.
        budget: The limits.
        limit: Cost that may be spent in all, None for no limit [the spec's cost unit].
        initial_count: Number of the last proposal of the initial design.
        in_flight: Evaluations in progress at once.
        ordered: False: use all that has finished.
        widens: Whether more than the initial design may be proposed while no value is known, instead of waiting for the first.
        cost_prior: Prior of a learned cost, None where costs are given.
        campaign: Name written into refits.
        max_cost: Candidates above this predicted cost are skipped, None for no limit.
        unit: Of the objective.
        further: Directions of further objectives.
        withholds: Whether the proposer is not shown implausible values.
        design: What known results leave of the initial design; None: there were none, or they count as proposals.
        words: What one of the systems is called, and several.
        looks: Hash of what computes looks, by the name of their level.
    """

    seed: int
    source: str
    direction: Direction
    budget: BudgetSpec
    limit: float | None
    initial_count: int
    in_flight: int = 1
    ordered: bool = True
    widens: bool = False
    cost_prior: CostPrior | None = None
    campaign: str = "replay"
    max_cost: float | None = None
    unit: str = "1"
    further: tuple[Direction, ...] = ()
    withholds: bool = False
    design: Remaining | None = None
    words: tuple[str, str] = SYSTEM_WORDS
    looks: Mapping[str, str] = field(default_factory=dict)

    @property
    def known(self) -> int:
        """Number of the last proposal whose result was known before the search began."""
        return 0 if self.design is None else self.design.known


@dataclass(frozen=True)
class Plan:
    """The next proposal before it is chosen.

    Attributes:
        number: Its number k.
        horizon: Largest number it is conditioned on.
        history: Observations and pending candidates that it is conditioned on.
        stop: Why it may not be made, or None.
    """

    number: int
    horizon: int
    history: History
    stop: StopReason | None

    @property
    def results(self) -> str:
        """Hash of the results that it knows: it differs where a value was added, corrected or measured again."""
        known = (self.history.observed, self.history.values, self.history.others, self.history.failed)
        return short_hash([column.tolist() for column in known])


def new_search(pool: CandidatePool, objective: ObjectiveSpec) -> SearchState:
    """A search before its first proposal."""
    return SearchState(pool, objective.direction, objective.further_directions)


def plan_round(
    rules: RoundRules, search: SearchState, number: int, previous_horizon: int, *, reopened: bool = False
) -> Plan | None:
    """Plans proposal ``number``.

    Args:
        rules: What the round goes by.
        number: k: the last number committed plus one.
        previous_horizon: h(k-1), 0 before the first proposal.
        reopened: Whether the search may continue after its stop rule had ended it: then by all results, when none is awaited
            any more, so that nothing depends on timing.

    Returns:
        The plan, or None while results it is conditioned on are still missing.
    """
    if reopened:
        return _plan(rules, search, number, number - 1)
    if rules.ordered:
        up_to = horizon(number, max(previous_horizon, rules.known), rules.in_flight, rules.initial_count)
        if not search.is_known(up_to):
            return None
    else:
        up_to = number - 1 if number > rules.initial_count else rules.known
        begins_wider = rules.widens and not search.observed_count(up_to)
        if number == rules.initial_count + 1 and not search.is_known(rules.initial_count) and not begins_wider:
            return None
    plan = _plan(rules, search, number, up_to)
    if plan.stop is not StopReason.BUDGET or rules.cost_prior is None:
        return plan
    # By predicted costs nothing more fits; the actual costs of pending evaluations decide, so wait for the last one.
    return _plan(rules, search, number, number - 1) if search.is_known(number - 1) else None


def _plan(rules: RoundRules, search: SearchState, number: int, up_to: int) -> Plan:
    history = known_history(rules, search, up_to)
    expensive = search.too_expensive(rules.max_cost)
    if len(expensive):
        history = replace(history, unavailable=np.union1d(history.unavailable, expensive))
    return Plan(number, up_to, history, decide(rules.budget, search.standing(up_to, rules.limit, rules.max_cost)))


def known_history(rules: RoundRules, search: SearchState, up_to: int) -> History:
    """Returns what the proposer is shown with the given horizon. Raises StoreError if a stored value is too large for it."""
    history = search.history(up_to, rules.limit, rules.budget)
    check_magnitudes(history)
    return trusted(history) if rules.withholds else history


def fit_if_due(
    proposer: Proposer, plan: Plan, search: SearchState, refits: Sequence[Refit], rules: RoundRules, *, reopened: bool = False
) -> Refit | None:
    """Fits hyper-parameters and cost for a plan when their schedules say so and no stored refit is meant for it.

    A failed fit is a refit too: it keeps the last good values, is marked, and counts in the schedule. A new cost changes what
    fits into the budget: the caller plans again with the pool priced by it.

    Args:
        proposer: Knows when hyper-parameters are to be fitted, and how.
        plan: The proposal that is to be chosen.
        refits: The campaign's refits so far, in order.
        rules: What the round goes by.
        reopened: Whether the search continues after its stop rule had ended it at this number: a refit may know fewer results.

    Returns:
        A new refit, to be stored before its first use, or None.
    """
    sound = list(refits)
    while sound and not is_finite(sound[-1].hyperparameters):
        sound.pop()  # of a value that an earlier release accepted, and that was voided since
    last = sound[-1] if sound else None
    # In ordered mode the horizon tells the refit of a search that continues from the one of before.
    stale = reopened and last is not None and not (rules.ordered and last.horizon == plan.horizon)
    if last is not None and last.at_proposal == plan.number and not stale:
        return None
    designed = plan.number <= rules.initial_count  # chosen without a model
    # In free mode a horizon counts results that were in progress.
    known = [refit for refit in sound if not (stale and refit.at_proposal == plan.number)]
    fits_model = plan.stop is None and not designed and _model_due(proposer, plan, search, known)
    fits_cost = plan.stop in (None, StopReason.BUDGET) and _cost_due(plan, search, refits, rules)
    if not fits_model and not fits_cost:
        return None
    previous = last.hyperparameters if last is not None else {}
    ok, message, values = True, "", previous
    if fits_model:
        try:
            values = proposer.fit(search.pool, plan.history, previous or None)
        except FitError as error:
            ok, message = False, error.message
    return Refit(
        campaign=rules.campaign,
        number=len(refits) + 1,
        at_proposal=plan.number,
        horizon=plan.horizon,
        hyperparameters=values,
        ok=ok,
        message=message,
        cost=_fitted_cost(plan, search, rules) if fits_cost else (last.cost if last is not None else None),
        fitted=(*(("hyperparameters",) if fits_model else ()), *(("cost",) if fits_cost else ())),
        fitted_at=datetime.now(UTC),
    )


def _model_due(proposer: Proposer, plan: Plan, search: SearchState, refits: Sequence[Refit]) -> bool:
    if not len(plan.history.observed):
        return False
    # Values of which one was corrected since may have another scale altogether: such a fit does not count.
    corrected = max((entry.known_from for entry in search.entries), default=0)
    fits = [refit for refit in refits if "hyperparameters" in refit.fitted and refit.at_proposal >= corrected]
    fitted_at = [search.observed_count(refit.horizon) for refit in fits]
    return proposer.refit_due(len(plan.history.observed), fitted_at)


def _cost_due(plan: Plan, search: SearchState, refits: Sequence[Refit], rules: RoundRules) -> bool:
    if rules.cost_prior is None:
        return False
    fitted_at = [int(refit.cost["n_measured"]) for refit in refits if refit.cost is not None]
    return cost_due(search.measured_count(plan.horizon), fitted_at)


def _fitted_cost(plan: Plan, search: SearchState, rules: RoundRules) -> JsonDict:
    known, descriptors = measured_costs(search.entries, plan.horizon), search.pool.cost_descriptors
    if rules.cost_prior is None or descriptors is None:
        raise AssertionError("cost is learned only by rules that have a prior, on pools that have descriptors")
    positions, costs = zip(*known, strict=True)
    return fit_cost(rules.cost_prior, descriptors, positions, costs).to_json()


def priced_by(pool: CandidatePool, refit: Refit) -> CandidatePool:
    """The pool with the costs that hold from a refit on; itself where costs are given."""
    return pool if refit.cost is None else priced(pool, CostModel.from_json(refit.cost))


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
    resumed = resumed_levels(pool, plan.history)
    pool = priced_for_resuming(pool, resumed)
    place = plan.number if rules.design is None else rules.design.place(plan.number)
    choice = proposer.propose(pool, plan.history, place, rng, hyperparameters)
    if choice is None:
        return None
    position = choice.position
    candidate, level = pool.named(position)
    return Proposal(
        number=plan.number,
        candidate=candidate,
        purpose="search" if level is None else "look",
        level=level,
        resumes=None if pool.levels is None or resumed[position] < 0 else pool.levels.names[resumed[position]],
        system=pool.systems[pool.system_codes[position]],
        surface=pool.surfaces[pool.surface_codes[position]],
        source=rules.source if level is None else rules.looks.get(level, rules.source),
        predicted_cost=float(pool.cost[position]),
        initial=choice.initial or (rules.widens and not len(plan.history.observed)),
        horizon=plan.horizon,
        acquisition=choice.acquisition,
        predicted_mean=None if choice.mean is None else _sign(rules.direction) * choice.mean,
        predicted_deviation=choice.deviation,
        predicted_others=tuple(
            (_sign(direction) * mean, deviation)
            for direction, (mean, deviation) in zip(rules.further, choice.others, strict=False)
        ),
        model=proposer.name,
        refit=refit.number if refit is not None else None,
        proposer_seconds=time.perf_counter() - begun,
    )


def _sign(direction: Direction) -> float:
    return 1.0 if direction == "minimize" else -1.0


PERMANENT = (*CONFIGURATION_REASONS, "not_found", *get_args(LimitReason))
"""Reasons of infrastructure failures that a retry cannot fix."""
