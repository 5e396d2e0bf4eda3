"""Applies the commands of users, in order, from the next proposal number on, as fenced writes."""

from __future__ import annotations

from collections.abc import Callable

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.records import Command, Failure, JsonDict, Proposal
from tansaku.models.domain.states import EvaluationState, FailureKind
from tansaku.tasks.loop.ledger.context import StepContext, log_event
from tansaku.tasks.loop.ledger.summaries import EvaluationSummary
from tansaku.tasks.loop.steps.collect import cancel
from tansaku.tasks.loop.steps.propose import commit
from tansaku.tasks.loop.steps.reports import pool_is_known, release, release_expired, take_report
from tansaku.tasks.loop.steps.submit import begin
from tansaku.tasks.loop.steps.void import void
from tansaku.tasks.node.configuration.campaign_files import apply_edits, diff_specs

RERUN_MODEL = "rerun"
"""Prefix of the model name of rerun proposals, followed by the command's id."""

REJECTED = "rejected"
"""Reason of an evaluation whose value somebody rejected."""

_ENDED_BADLY = (EvaluationState.FAILED, EvaluationState.CANCELLED)


def apply_commands(context: StepContext) -> bool:
    """Reads the campaign's commands and applies the new ones.

    A command is carried out before it is marked as applied, and may be carried out twice, so a kill in between is harmless.

    Returns:
        False if a command describes candidates that this driver's pool lacks: the space has to be opened again.
    """
    ledger = context.ledger
    ledger.record = context.store.campaign(context.name)
    for command in [item for item in ledger.commands if item.applied_at_number is None]:
        if command.kind == "tell" and not pool_is_known(context, command):
            return False
        effect, spec = _EFFECTS.get(command.kind), None
        if effect is not None:
            # It may reopen the search. Killed in between, a driver decides again.
            context.store.set_stop(context.lease, None)
            spec = effect(context, command)
        context.store.apply_command(context.lease, command.id, ledger.last_number + 1, spec)
        ledger.record = context.store.campaign(context.name)
    if ledger.cancelled:
        for evaluation in ledger.active:
            cancel(context, evaluation)
    return True


def _edit(context: StepContext, command: Command) -> JsonDict | None:
    ledger = context.ledger
    try:
        changed = apply_edits(ledger.spec, command.payload)
    except ConfigurationError as error:
        log_event(context, "edit-refused", [command.id], {"command": command.id, "reason": error.message})
        return None
    changes = [{"key": spec.key, "old": spec.old, "new": spec.new} for spec in diff_specs(ledger.spec, changed)]
    at_number = ledger.last_number + 1
    log_event(context, "edited", [command.id], {"command": command.id, "changes": changes, "at_number": at_number})
    ledger.spec = changed
    context.observer.on_edit(changed, context.rules.limit)
    return changed.model_dump(mode="json")


def _chosen(context: StepContext, command: Command) -> list[EvaluationSummary]:
    """The latest replicate of each candidate that the command names, or of all candidates if it names none."""
    wanted = command.payload.get("candidates")
    latest: dict[tuple[str, str], EvaluationSummary] = {}
    for _, evaluation in sorted(context.ledger.evaluations.items()):
        if wanted is None or evaluation.candidate in wanted:
            latest[evaluation.candidate, evaluation.source] = evaluation
    return list(latest.values())


def _retry(context: StepContext, command: Command) -> None:
    for evaluation in _chosen(context, command):
        # What was done otherwise has its measurement; it is proposed again only by its name.
        if evaluation.state in _ENDED_BADLY and (evaluation.done_as is None or command.payload.get("candidates")):
            begin(context, evaluation.id, evaluation.attempts)


def _rerun(context: StepContext, command: Command) -> None:
    model = f"{RERUN_MODEL}:{command.id}"
    done = {item.candidate for item in context.ledger.evaluations.values() if item.model == model}
    for old in _chosen(context, command) if command.payload.get("candidates") else []:
        if old.candidate in done or old.purpose != "search" or not old.state.terminal:
            continue
        commit(
            context,
            Proposal(
                number=context.ledger.last_number + 1,
                candidate=old.candidate,
                system=old.system,
                surface=old.surface,
                source=old.source,
                replicate=old.replicate + 1,
                predicted_cost=old.predicted_cost,
                horizon=context.ledger.evaluations[context.ledger.last_number].horizon,
                model=model,
            ),
        )


def _reject(context: StepContext, command: Command) -> None:
    for evaluation in _chosen(context, command) if command.payload.get("candidates") else []:
        if evaluation.purpose == "reference":
            continue  # values of others are made of it
        stored = context.store.evaluation(evaluation.id)
        if stored.state is EvaluationState.DONE and stored.outcome is not None:
            said = f"value: {stored.outcome.value:.6g} {context.rules.unit} was rejected" + (
                f" by {command.user}" if command.user else ""
            )
            failure = Failure(kind=FailureKind.SCIENCE, reason=REJECTED, message=said)
            void(context, stored, stored.outcome.model_copy(update={"value": None, "failure": failure}))


# Pause, resume and cancel change no evaluation when they are applied: the loop asks Ledger.paused and Ledger.cancelled.
_EFFECTS: dict[str, Callable[[StepContext, Command], JsonDict | None]] = {
    "edit": _edit,
    "retry": _retry,
    "rerun": _rerun,
    "reject": _reject,
    "ask": release_expired,
    "tell": take_report,
    "release": release,
}
