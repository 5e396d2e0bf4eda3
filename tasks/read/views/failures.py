"""Failed evaluations of a campaign, and whether another attempt may help."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from tansaku.models.domain.history import CONFIGURATION_REASONS
from tansaku.models.domain.records import Evaluation, Record
from tansaku.models.domain.states import EvaluationState
from tansaku.models.domain.wording import counted

TIMEOUT = "timeout"
"""Reason of attempts that were ended by their time limit."""
_LIMIT = re.compile(r"([0-9][0-9.]*(?:e[+-]?[0-9]+)?) s$")
GRAIN_REASONS = ("rotated_grain", "strained_grain")
"""Reasons of failures that the cell decides: the same cell fails again."""


class FailedEvaluation(Record):
    """One evaluation that ended without a value."""

    candidate: str
    system: str
    round: int
    attempts: int
    reason: str

    @property
    def timed_out(self) -> bool:
        """Whether the time limit of an attempt ended it."""
        return is_timeout(self.reason)

    @property
    def limit(self) -> float | None:
        """The time limit that ended it [s], as its reason tells; None: another reason, or it does not tell."""
        found = _LIMIT.search(self.reason) if self.timed_out else None
        return None if found is None else float(found[1])


def is_timeout(reason: str | None) -> bool:
    """Returns whether a reason of a failure is the time limit of an attempt."""
    return reason is not None and reason.partition(":")[0] == TIMEOUT


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


class LostAttempt(Record):
    """An attempt that was given up, of an evaluation that was or will be tried again."""

    candidate: str
    round: int
    attempt: int
    reason: str
    message: str


class LateResult(Record):
    """A result that arrived after its attempt was abandoned and another begun; it is stored, but not used."""

    candidate: str
    round: int
    attempt: int
    value: float | None


@dataclass(frozen=True)
class Incident:
    """Failure, or lost attempts, of an evaluation.

    Attributes:
        failed: It ended without a value; None: it did not.
        lost: Attempts that were given up, if it has not failed.
        late: Results that came too late to be used.
        late_core_seconds: What these took, as far as it was measured.
    """

    failed: FailedEvaluation | None
    lost: tuple[LostAttempt, ...]
    late: tuple[LateResult, ...]
    late_core_seconds: float = 0.0

    @property
    def happened(self) -> bool:
        """Whether anything went wrong."""
        return self.failed is not None or bool(self.lost or self.late)


def incident_of(evaluation: Evaluation) -> Incident:
    """Returns what went wrong with an evaluation, of search or final relaxation."""
    proposal, failed = evaluation.proposal, evaluation.state is EvaluationState.FAILED
    where = {"candidate": proposal.candidate, "round": proposal.number}
    return Incident(
        failed=FailedEvaluation(
            **where,
            system=proposal.system,
            attempts=len(evaluation.attempts),
            reason=evaluation.reason or "unknown",
        )
        if failed
        else None,
        lost=tuple(
            LostAttempt(**where, attempt=attempt.number, reason=attempt.failure.reason, message=attempt.failure.message)
            for attempt in evaluation.attempts
            if attempt.failure is not None and not failed
        ),
        late=tuple(
            LateResult(**where, attempt=attempt.number, value=attempt.late_outcome.value)
            for attempt in evaluation.attempts
            if attempt.late_outcome is not None
        ),
        late_core_seconds=sum(
            attempt.late_outcome.core_seconds or 0.0 for attempt in evaluation.attempts if attempt.late_outcome is not None
        ),
    )


def may_succeed(failure: FailedEvaluation) -> bool:
    """Returns whether another attempt may end otherwise; a grain that turned or is strained does so again in the same cell."""
    return failure.reason.partition(":")[0] not in GRAIN_REASONS
