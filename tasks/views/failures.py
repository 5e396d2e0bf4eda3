"""Failed evaluations of a campaign, and whether another attempt may help."""

from __future__ import annotations

from collections.abc import Sequence

from tansaku.models.domain.records import Evaluation, Record
from tansaku.models.domain.refusals import CONFIGURATION_REASONS
from tansaku.models.domain.states import EvaluationState
from tansaku.models.domain.wording import counted

GRAIN_REASONS = ("rotated_grain", "strained_grain")
"""Reasons of failures that the cell decides: the same cell fails again."""


class FailedEvaluation(Record):
    """One evaluation that ended without a value."""

    candidate: str
    system: str
    round: int
    attempts: int
    reason: str


def grouped(failures: Sequence[FailedEvaluation]) -> list[list[FailedEvaluation]]:
    """Groups successive failed evaluations with the same configuration error."""
    groups: list[list[FailedEvaluation]] = []
    for entry in failures:
        refused = entry.reason.partition(":")[0] in CONFIGURATION_REASONS
        if refused and groups and groups[-1][0].reason == entry.reason:
            groups[-1].append(entry)
        else:
            groups.append([entry])
    return groups


def describe_group(same: Sequence[FailedEvaluation]) -> str:
    """Describes failed evaluations with the same reason in one line."""
    first, last = same[0], same[-1]
    attempts = counted(sum(entry.attempts for entry in same), "attempt")
    if first is last:
        return f"FAILED  {first.candidate}  {first.reason}  (round {first.round}, {attempts})"
    who = f"{first.candidate} and {len(same) - 1} more"
    return f"FAILED  {who}  {first.reason}  (rounds {first.round} to {last.round}, {attempts})"


def failure_reason(evaluation: Evaluation) -> str | None:
    """Why an evaluation has no value: reason and message, or None when it has one or is still in progress."""
    outcome = evaluation.outcome
    if outcome is not None:
        return None if outcome.failure is None else f"{outcome.failure.reason}: {outcome.failure.message}"
    attempt = evaluation.current_attempt
    if attempt is None or attempt.failure is None:
        return None
    return f"{attempt.failure.reason}: {attempt.failure.message}"


def failures_of(evaluations: Sequence[Evaluation]) -> tuple[FailedEvaluation, ...]:
    """Returns the failed evaluations of search and final relaxation, in their order."""
    return tuple(
        FailedEvaluation(
            candidate=evaluation.proposal.candidate,
            system=evaluation.proposal.system,
            round=evaluation.proposal.number,
            attempts=len(evaluation.attempts),
            reason=failure_reason(evaluation) or "unknown",
        )
        for evaluation in evaluations
        if evaluation.state is EvaluationState.FAILED
    )


def may_succeed(failure: FailedEvaluation) -> bool:
    """Whether another attempt may end otherwise; a grain that turned or is strained does so again in the same cell."""
    return failure.reason.partition(":")[0] not in GRAIN_REASONS
