"""States of an evaluation and of a campaign, and the function that derives the latter."""

from __future__ import annotations

from enum import StrEnum


class EvaluationState(StrEnum):
    """State of an evaluation."""

    PROPOSED = "PROPOSED"
    SUBMITTING = "SUBMITTING"
    SUBMITTED = "SUBMITTED"
    RUNNING = "RUNNING"
    LOST = "LOST"
    DONE = "DONE"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"

    @property
    def terminal(self) -> bool:
        """Whether no further transition is possible without a command of the user."""
        return self in _TERMINAL


_TERMINAL = frozenset({EvaluationState.DONE, EvaluationState.FAILED, EvaluationState.CANCELLED})

ACTIVE_STATES = tuple(state for state in EvaluationState if state not in _TERMINAL)

STEPS = frozenset(f"evaluation.{state.value.lower()}" for state in ACTIVE_STATES if state is not EvaluationState.LOST)
"""Kinds of the events that every evaluation has before its end."""

ALLOWED_TRANSITIONS: dict[EvaluationState, frozenset[EvaluationState]] = {
    EvaluationState.PROPOSED: frozenset({EvaluationState.SUBMITTING, EvaluationState.CANCELLED}),
    EvaluationState.SUBMITTING: frozenset(
        {
            EvaluationState.SUBMITTED,
            EvaluationState.RUNNING,
            EvaluationState.DONE,
            EvaluationState.FAILED,
            EvaluationState.LOST,
            EvaluationState.CANCELLED,
        }
    ),
    EvaluationState.SUBMITTED: frozenset(
        {
            EvaluationState.RUNNING,
            EvaluationState.DONE,
            EvaluationState.FAILED,
            EvaluationState.LOST,
            EvaluationState.CANCELLED,
        }
    ),
    EvaluationState.RUNNING: frozenset(
        {EvaluationState.DONE, EvaluationState.FAILED, EvaluationState.LOST, EvaluationState.CANCELLED}
    ),
    # A result that arrives late is adopted while the lost attempt is still the current one.
    EvaluationState.LOST: frozenset(
        {EvaluationState.SUBMITTING, EvaluationState.DONE, EvaluationState.FAILED, EvaluationState.CANCELLED}
    ),
    EvaluationState.DONE: frozenset(),
    # A user's retry opens a failed or cancelled evaluation again with a new attempt.
    EvaluationState.FAILED: frozenset({EvaluationState.SUBMITTING}),
    EvaluationState.CANCELLED: frozenset({EvaluationState.SUBMITTING}),
}


class FailureKind(StrEnum):
    """Cause of a FAILED evaluation: the calculation (science), or lost jobs and time limits (plumbing)."""

    SCIENCE = "science"
    PLUMBING = "plumbing"


DISK_FULL = "disk_full"
"""Reason of an attempt that ended because a disk was full; it does not count as a retry."""


class JobState(StrEnum):
    """State of a job on its launcher."""

    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    FINISHED = "FINISHED"
    LOST = "LOST"
    UNKNOWN = "UNKNOWN"


class CampaignState(StrEnum):
    """State of a campaign; derived, never stored."""

    NEW = "NEW"
    RUNNING = "RUNNING"
    INTERRUPTED = "INTERRUPTED"
    WAITING = "WAITING"
    PAUSED = "PAUSED"
    CANCELLED = "CANCELLED"
    FINISHED = "FINISHED"
    STOPPED = "STOPPED"


WITHOUT_DRIVER = frozenset({CampaignState.NEW, CampaignState.INTERRUPTED})
"""States of a campaign that only waits for a driver."""

ENDED = frozenset({CampaignState.FINISHED, CampaignState.STOPPED, CampaignState.CANCELLED})
"""States of a campaign that proposes nothing more."""


class StopReason(StrEnum):
    """Reason why a campaign proposes nothing more."""

    BUDGET = "budget"
    EVALUATIONS = "evaluations"
    HOURS = "hours"
    CORE_HOURS = "core_hours"
    DEADLINE = "deadline"
    EXHAUSTED = "exhausted"
    FAILURES = "failures"
    CONFIGURATION = "configuration"
    REFERENCE = "reference"
    CERTAIN = "certain"
    NOT_WORTH_IT = "not_worth_it"
    TARGET = "target"
    CANCELLED = "cancelled"

    @property
    def failed(self) -> bool:
        """Whether failed evaluations end the campaign.

        Too many, the same configuration error several times in a row, or an element to which all values refer.
        """
        return self in (StopReason.FAILURES, StopReason.CONFIGURATION, StopReason.REFERENCE)

    @property
    def words(self) -> str:
        """Reason why the search ended, as a clause."""
        return _ENDED_BECAUSE[self]


_ENDED_BECAUSE = {
    StopReason.BUDGET: "its cost was spent",
    StopReason.EVALUATIONS: "its number of evaluations was reached",
    StopReason.HOURS: "its hours were spent",
    StopReason.CORE_HOURS: "its core-hours were spent",
    StopReason.DEADLINE: "its deadline passed",
    StopReason.EXHAUSTED: "no candidate was left",
    StopReason.FAILURES: "too many evaluations failed",
    StopReason.CONFIGURATION: "the same configuration error came again and again",
    StopReason.REFERENCE: "the energy of an element, to which all values refer, could not be computed",
    StopReason.CERTAIN: "the answer was certain enough",
    StopReason.NOT_WORTH_IT: "the next evaluation was not worth its cost",
    StopReason.TARGET: "its model reached the target",
    StopReason.CANCELLED: "it was cancelled",
}


def campaign_state(
    *,
    proposed: int,
    active: int,
    leased: bool,
    paused: bool,
    cancelled: bool,
    stop_reason: StopReason | None,
) -> CampaignState:
    """Derives a campaign's state from its evaluations, its spec and the stored commands.

    Args:
        proposed: Number of proposals made so far.
        active: Number of evaluations that are not terminal.
        leased: Whether a live driver owns the campaign.
        paused: Whether the last of the commands pause and resume was pause.
        cancelled: Whether the campaign was cancelled.
        stop_reason: Why nothing more may be proposed, or None.
    """
    if cancelled:
        return CampaignState.CANCELLED
    if stop_reason is not None and stop_reason.failed:
        return CampaignState.STOPPED
    if stop_reason is not None and active == 0:
        return CampaignState.FINISHED
    if leased:
        return CampaignState.RUNNING
    if paused:
        return CampaignState.PAUSED
    return CampaignState.NEW if proposed == 0 else CampaignState.INTERRUPTED
