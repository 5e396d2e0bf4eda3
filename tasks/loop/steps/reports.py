"""Commands of people and robots who measure: reported values, proposals that they ask for or release."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from tansaku import __version__
from tansaku.models.domain.adoption import KNOWN_BEFORE, is_adopted
from tansaku.models.domain.errors import NotFoundError
from tansaku.models.domain.identifiers import jobless_name
from tansaku.models.domain.measurements import Measurement, Reported, combined_in, further_values, reports_of, result_of
from tansaku.models.domain.records import Attempt, Command, Evaluation, Outcome, Provenance
from tansaku.models.domain.specs.calculators.contract import settings_of
from tansaku.models.domain.states import EvaluationState
from tansaku.tasks.backends.stores.campaigns import stored_spec
from tansaku.tasks.loop.ledger.context import StepContext, log_event
from tansaku.tasks.loop.ledger.summaries import EvaluationSummary
from tansaku.tasks.loop.steps.beforehand import KNOWN_MODEL
from tansaku.tasks.loop.steps.collect import cancel
from tansaku.tasks.loop.steps.propose import commit_unchosen
from tansaku.tasks.loop.steps.submit import begin

REPORTED_MODEL = "reported"
"""Model name of proposals that a report made: measurements that nobody had asked for."""

_ENDED = (EvaluationState.DONE, EvaluationState.FAILED)
_UNBEGUN = (EvaluationState.PROPOSED, EvaluationState.CANCELLED)


def pool_is_known(context: StepContext, command: Command) -> bool:
    """Returns whether the driver's pool has all candidates and descriptors that a command describes."""
    reports = reports_of(command.payload)
    if any(item.descriptors for item in reports) and context.ledger.spec.space != stored_spec(context.ledger.record).space:
        return False
    described = [item.candidate for item in reports if item.off_pool is not None]
    try:
        context.ledger.pool.positions(described)
    except NotFoundError:
        return False
    return True


def take_report(context: StepContext, command: Command) -> None:
    """Stores reported values. May be done again after a kill at any place: what is stored already is left as it is."""
    for place, report in enumerate(reports_of(command.payload)):
        if not report.measurements:  # its descriptors only, which the space has
            continue
        _take(context, command, place, report)
        # Last, so that a kill in between leaves the proposal waiting, and the command to be carried out again.
        for number in report.instead:
            _end_done_otherwise(context, command, number, report)


def release_expired(context: StepContext, command: Command) -> None:
    """Before proposals are asked for: releases those that have waited too long, by the time of the command."""
    hours = getattr(context.ledger.spec.calculator, "expires", None)
    if hours is None:
        return
    oldest = command.created_at - timedelta(hours=hours)
    for evaluation in context.ledger.active:
        if context.store.evaluation(evaluation.id).waiting_since < oldest:
            cancel(context, evaluation)


def release(context: StepContext, command: Command) -> None:
    """Releases proposals: nobody will measure them now."""
    wanted = set(command.payload.get("numbers", ()))
    for evaluation in context.ledger.active:
        if evaluation.proposal.number in wanted:
            cancel(context, evaluation)


def _take(context: StepContext, command: Command, place: int, report: Reported) -> None:
    ledger = context.ledger
    known = _number_of(context, report)
    evaluation = (
        commit_unchosen(context, report.candidate, REPORTED_MODEL)
        if known is None
        else context.store.evaluation(ledger.evaluations[known].id)
    )
    earlier = combined_in(evaluation)
    added = tuple(
        item.model_copy(update={"id": f"{command.id}:{place}:{i}", "user": command.user, "at": command.created_at})
        for i, item in enumerate(report.measurements)
    )
    if {item.id for item in added} <= {item.id for item in earlier}:
        return
    if evaluation.state in _ENDED:
        outcome = _result(context, added if report.replaces else (*earlier, *added))
        if is_adopted(evaluation):
            outcome = outcome.model_copy(update={"properties": outcome.properties | {KNOWN_BEFORE: True}})
        _replace(context, evaluation, report, outcome)
        return
    if evaluation.state in _UNBEGUN:
        evaluation = begin(context, evaluation.id, len(evaluation.attempts))
    attempt = evaluation.current_attempt
    if attempt is None:
        raise AssertionError(f"evaluation {evaluation.id}: state {evaluation.state}, but it has no attempt")
    stored = context.store.accept_outcome(context.lease, evaluation.id, attempt.token, _result(context, added))
    if stored is not None:
        ledger.note(stored)
        context.observer.on_outcome(stored)


def _end_done_otherwise(context: StepContext, command: Command, number: int, report: Reported) -> None:
    """Cancels a proposal in whose place something else was measured, with the number of that; the log says so."""
    evaluation, done_as = context.store.evaluation(context.ledger.evaluations[number].id), _number_of(context, report)
    if evaluation.state in _ENDED:
        return
    cancel(context, evaluation, done_as)
    data = {"number": number, "candidate": evaluation.proposal.candidate, "done_as": done_as, "done": report.candidate}
    log_event(context, "done-otherwise", [evaluation.id, command.id], data)


def _number_of(context: StepContext, report: Reported) -> int | None:
    """Number of the proposal that a report answers, or of the latest of its candidate."""
    ledger = context.ledger
    if report.number is not None:
        return report.number
    source = ledger.source
    same = [
        number for number, item in ledger.evaluations.items() if item.candidate == report.candidate and item.source == source
    ]
    return max(same, default=None)


def _replace(context: StepContext, evaluation: Evaluation, report: Reported, outcome: Outcome) -> None:
    """Stores a correction or a repeated measurement as one more attempt; the event of a correction is written first."""
    number, known_from = len(evaluation.attempts) + 1, context.ledger.last_number + 1
    if report.replaces:
        former = evaluation.outcome
        others = {"old_others": further_values(former), "new_others": further_values(outcome)}
        log_event(
            context,
            "corrected",
            [evaluation.id, number],
            {
                "number": evaluation.proposal.number,
                "candidate": evaluation.proposal.candidate,
                "old": None if former is None else former.value,
                "new": outcome.value,
                **{key: values for key, values in others.items() if values},
                "from_number": known_from,
                "proposed_on_it": proposed_on(context.ledger.evaluations.values(), evaluation.finished_at),
            },
        )
    name = jobless_name("report", evaluation.id, number)
    attempt = Attempt(
        number=number,
        token=name,
        job_name=name,
        started_at=outcome.finished_at or evaluation.proposed_at,
        known_from=known_from if report.replaces else None,
    )
    stored = context.store.replace_outcome(context.lease, evaluation.id, attempt, outcome)
    context.ledger.note(stored)
    context.observer.on_outcome(stored)


def proposed_on(evaluations: Iterable[EvaluationSummary], since: datetime | None) -> list[int]:
    """Returns the numbers of the proposals that the model chose since a result was known; none if that time is None."""
    chosen = [item for item in evaluations if item.model not in (REPORTED_MODEL, KNOWN_MODEL) and not item.initial]
    return [item.number for item in chosen if since is not None and item.proposed_at >= since]


def _result(context: StepContext, measurements: Sequence[Measurement]) -> Outcome:
    spec = context.ledger.spec
    calculator, units = spec.calculator, {goal.property: goal.unit for goal in spec.objective.further}
    if calculator is None or not calculator.facts.manual:
        raise AssertionError("values are reported to campaigns with a manual calculator only")
    provenance = Provenance(
        code=calculator.code_name(),
        code_version="1",
        model=getattr(calculator, "procedure", None) or "",
        tansaku_version=__version__,
        settings=settings_of(calculator),
    )
    return result_of(measurements, getattr(calculator, "deviation", None), provenance, units)
