"""Propose: plan the next number, fit if the schedule says so, choose, commit.

Adds candidates near the best ones to the pool, at given proposal numbers.
The pool of proposal k holds what the space draws beforehand, what was proposed before k, and neighbours of the best candidates
among the observations that k is conditioned on. Ids alone say where neighbours are, so a resume chooses from the same pool.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from tansaku.models.domain.descriptors import DESCRIPTOR, DescriptorBuyer
from tansaku.models.domain.feasibility import excess, keeps_limits
from tansaku.models.domain.identifiers import short_hash
from tansaku.models.domain.levels import EVIDENCE, FITTED, trusts_looks
from tansaku.models.domain.pool import CandidatePool
from tansaku.models.domain.ports import History, RefinedSpace, Space
from tansaku.models.domain.records import SEARCHED, Evaluation, Event, JsonDict, Proposal, StopDecision
from tansaku.models.domain.specs.campaign import ObjectiveSpec
from tansaku.models.domain.states import StopReason
from tansaku.models.engine.front import most_isolated
from tansaku.tasks.loop.ledger.context import Ledger, StepContext, log_event
from tansaku.tasks.loop.ledger.rounds import Plan, RoundRules, choose, fit_if_due, plan_round
from tansaku.tasks.loop.retraining.driver import ready_for, trained_at_end
from tansaku.tasks.loop.retraining.due import look_at
from tansaku.tasks.loop.steps.certificates import is_due, note_certificate, still_stops
from tansaku.tasks.loop.steps.submit import priced_for_adoption
from tansaku.tasks.loop.transfer.report import transfer_event


def propose(context: StepContext) -> Evaluation | StopReason | None:
    """Commits the next proposal of the search.

    Returns:
        Its evaluation (PROPOSED), the reason why there will be none, or None while results or a training it needs are missing.
    """
    found = _proposed(context)
    return None if isinstance(found, StopReason) and not trained_at_end(context, found) else found


def _proposed(context: StepContext) -> Evaluation | StopReason | None:
    ledger = context.ledger
    number = ledger.last_number + 1
    previous = ledger.evaluations[number - 1].horizon if number > 1 else 0
    rules = context.rules
    plan = plan_round(rules, ledger.search, number, previous)
    if plan is not None and plan.stop is None:
        plan = replace(plan, stop=context.out_of_time())
    if plan is None or (plan.stop is None and not ready_for(context, plan)):
        return None
    reopened = False
    if plan.stop is None and (ended := _ended_by_rule(ledger, rules)) is not None:
        if isinstance(ended, StopReason):
            return ended
        plan, reopened = ended, True
    if _refine_pool(ledger, plan.history):
        plan = plan_round(rules, ledger.search, number, previous, reopened=reopened)
        if plan is None:
            return None
    if (plan.stop is None or not plan.stop.failed) and ledger.target_met(number):
        return StopReason.TARGET
    begun = time.perf_counter()
    refit = fit_if_due(context.proposer, plan, ledger.search, ledger.refits, rules, reopened=reopened)
    ledger.proposer_seconds += time.perf_counter() - begun
    if refit is not None:
        # Stored before its first use: a resume must use exactly these numbers.
        stored = context.store.insert_refit(context.lease, refit)
        ledger.note_refit(stored)
        context.observer.on_refit(stored)
        if stored.cost is not None:
            # As a resume would do: plan again with the current costs.
            plan = plan_round(rules, ledger.search, number, previous, reopened=reopened)
    if plan is None or plan.stop is not None:
        return None if plan is None else plan.stop
    _note_failed_fit(context, number)
    _note_transfer(context, number)
    _note_levels(context, number)
    if (rule := rules.budget.stop) is not None and _rule_ends(context, plan, rules):
        return rule.reason
    if _descriptor_first(context, plan):
        return None
    begun = time.perf_counter()
    proposer = context.committee.informed(context.proposer, ledger, number)
    proposal = choose(proposer, ledger.pool, plan, rules, ledger.refits[-1] if ledger.refits else None)
    ledger.proposer_seconds += time.perf_counter() - begun
    if proposal is None:
        return _nothing_left(plan, rules, ledger.pool)
    look = look_at(ledger, plan, int(ledger.pool.positions([proposal.candidate])[0]))
    proposal = proposal if look is None else proposal.model_copy(update={"look": look})
    committed = commit(context, priced_for_adoption(context, proposal))
    if rules.budget.stop is None and is_due(rules, plan):
        # After the choice, so that looking never touches it.
        note_certificate(context, plan)
    return committed


def _descriptor_first(context: StepContext, plan: Plan) -> bool:
    """Returns whether a descriptor is to be measured before the next value: reported, it makes the driver propose again."""
    ledger, proposer = context.ledger, context.proposer
    if not ledger.spec.space.prices or ledger.values_only or plan.number <= context.initial_count:
        return False
    begun = time.perf_counter()
    offer = proposer.descriptor(ledger.pool, plan.history) if isinstance(proposer, DescriptorBuyer) else None
    ledger.proposer_seconds += time.perf_counter() - begun
    if offer is not None:
        asked = len(ledger.commands)
        data = offer.model_dump(mode="json") | {"number": plan.number, "commands": asked}
        log_event(context, DESCRIPTOR, [plan.number, asked, offer.column, *offer.candidates], data)
    return offer is not None


def _ended_by_rule(ledger: Ledger, rules: RoundRules) -> StopReason | Plan | None:
    """The reason why the stop rule has ended the search at this number; None: it has not.

    A plan by all results, if they are others than those by which it ended and none is awaited any more: the rule judges again.
    """
    rule, certificate = rules.budget.stop, ledger.certificate
    if rule is None or certificate is None or not still_stops(certificate, rule, rules.unit, len(ledger.search)):
        return None
    if not certificate.results or any(item.proposal.purpose in SEARCHED for item in ledger.active):
        return rule.reason
    plan = plan_round(rules, ledger.search, ledger.last_number + 1, 0, reopened=True)
    return rule.reason if plan is None or plan.results == certificate.results else plan


def _rule_ends(context: StepContext, plan: Plan, rules: RoundRules) -> bool:
    """Returns whether the stop rule ends the search here; the certificate is stored before anybody acts on it."""
    ledger = context.ledger
    if not is_due(rules, plan):
        return False
    certificate = note_certificate(context, plan)
    if certificate is None or not certificate.stops:
        return False
    ledger.certificate = certificate
    return True


def _note_failed_fit(context: StepContext, number: int) -> None:
    """Writes into the audit that a fit for this number failed; also after a kill between the refit and this line."""
    refit = context.ledger.refits[-1] if context.ledger.refits else None
    if refit is None or refit.ok or refit.at_proposal != number:
        return
    used = "the last good values are kept" if refit.hyperparameters else "there are none yet, so the priors' centres are used"
    context.store.append_event(
        Event(
            id=short_hash([refit.campaign, "warning.refit", refit.number]),
            campaign=refit.campaign,
            kind="warning.refit",
            at=refit.fitted_at,
            data={"refit": refit.number, "at_proposal": number, "reason": refit.message, "consequence": used},
        )
    )


def _note_transfer(context: StepContext, number: int) -> None:
    """Writes into the audit how a refit for this number decided about transfer; also after a kill in between."""
    refit = context.ledger.refits[-1] if context.ledger.refits else None
    if refit is not None and refit.at_proposal == number and (event := transfer_event(refit)) is not None:
        context.store.append_event(event)


def _note_levels(context: StepContext, number: int) -> None:
    """Writes into the audit that a refit for this number began or ceased to trust looks; also after a kill in between."""
    of_levels = [refit for refit in context.ledger.refits if FITTED in refit.hyperparameters]
    if not of_levels or of_levels[-1].at_proposal != number:
        return
    refit, trusted = of_levels[-1], [trusts_looks(item.hyperparameters[FITTED]["evidence"]) for item in of_levels[-2:]]
    if len(trusted) == 1 or trusted[0] != trusted[1]:
        fitted = refit.hyperparameters[FITTED]
        data: JsonDict = {"refit": refit.number, "at_proposal": number, "trusted": trusted[-1]}
        data |= {"evidence": fitted["evidence"], "needed": EVIDENCE, "pairs": fitted["pairs"]}
        log_event(context, "levels", [refit.number], data)


def commit(context: StepContext, proposal: Proposal) -> Evaluation:
    """Stores a proposal and notes its evaluation; a number that was committed before keeps its first proposal."""
    evaluation = context.store.insert_proposal(context.lease, proposal)
    context.ledger.note(evaluation)
    context.observer.on_proposal(evaluation)
    return evaluation


def commit_unchosen(context: StepContext, candidate: str, model: str, cost: float | None = None) -> Evaluation:
    """Commits a proposal for a result that exists, which the campaign did not ask for; its number follows the last one.

    Args:
        candidate: Whose result it is.
        model: Name of where it comes from.
        cost: That counts; None: the predicted one.
    """
    ledger = context.ledger
    pool = ledger.pool
    position = int(pool.positions([candidate])[0])
    return commit(
        context,
        Proposal(
            number=ledger.last_number + 1,
            candidate=candidate,
            system=pool.systems[pool.system_codes[position]],
            surface=pool.surfaces[pool.surface_codes[position]],
            source=ledger.source,
            predicted_cost=float(pool.cost[position]) if cost is None else cost,
            horizon=ledger.evaluations[ledger.last_number].horizon if ledger.last_number else 0,
            model=model,
        ),
    )


def stop_decision(context: StepContext, reason: StopReason) -> StopDecision:
    """The reason why the search has ended, with the numbers of the search."""
    rules, ledger = context.rules, context.ledger
    standing = ledger.search.standing(ledger.last_number, rules.limit, rules.max_cost)
    return StopDecision(
        reason=reason,
        proposed=standing.proposed,
        finished=standing.finished,
        failed=standing.failed,
        remaining_cost=standing.remaining_cost,
    )


def _nothing_left(plan: Plan, rules: RoundRules, pool: CandidatePool) -> StopReason | None:
    history, levels = plan.history, pool.levels
    if not rules.ordered and len(history.pending):
        return None
    complete = levels is not None and bool(np.isin(levels.places[:, -1], history.proposed).all())
    return StopReason.EXHAUSTED if rules.limit is None or complete else StopReason.BUDGET


_MOST = 20


def _refine_pool(ledger: Ledger, history: History) -> bool:
    """Gives the ledger the pool of the next proposal."""
    if ledger.refiner is None or not len(history.observed):
        return False
    proposed = [ledger.evaluations[number] for number in sorted(ledger.evaluations)]
    candidates = [evaluation.candidate for evaluation in proposed if evaluation.purpose == "search"]
    pool = ledger.refiner.refined(list(dict.fromkeys(candidates)), incumbents(ledger.pool, history, ledger.spec.objective))
    if len(pool) == len(ledger.pool) and bool((pool.ids == ledger.pool.ids).all()):
        return False
    ledger.take_pool(pool)
    return True


def incumbents(pool: CandidatePool, history: History, objective: ObjectiveSpec) -> list[str]:
    """The best candidates observed, the best first; of equal ones the lowest id. With several objectives those of the front.

    Only candidates that keep the limits; while there are none, those that exceed them least.
    """
    limits = objective.limits
    kept = np.flatnonzero(keeps_limits(limits, history.others)) if limits else np.arange(len(history.values))
    if not len(kept):
        order = np.lexsort((history.observed, excess(limits, history.others)))
    elif objective.goals:
        goals = history.others[kept, : len(objective.goals)]
        order = kept[most_isolated(np.column_stack([history.values[kept], goals]))]
    else:
        order = kept[np.lexsort((history.observed[kept], history.values[kept]))]
    return [str(name) for name in pool.ids[history.observed[order[:_MOST]]]]


def include_proposed(ledger: Ledger, candidates: Iterable[str]) -> None:
    """Gives a ledger without evaluations a pool that holds what a campaign has proposed."""
    if ledger.refiner is not None:
        ledger.take_pool(ledger.refiner.refined(list(dict.fromkeys(candidates)), []))


def refiner_of(space: Space) -> RefinedSpace | None:
    """Returns the space if it can add candidates near the best ones, else None."""
    return space if isinstance(space, RefinedSpace) else None
