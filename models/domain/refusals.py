"""Configuration errors of evaluations: a campaign stops when the same error occurs several times in a row."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import TYPE_CHECKING

from tansaku.models.domain.records import Evaluation
from tansaku.models.domain.states import EvaluationState, FailureKind

if TYPE_CHECKING:
    from tansaku.models.domain.history import Entry

CONFIGURATION_REASONS = ("configuration", "missing_component")
"""Reasons of failures that a file, a package or a setting of the machine causes: every evaluation meets the same."""

SAME_REFUSALS = 3
"""A campaign stops after this many consecutive evaluations have failed with the same configuration error."""


def refusal_of(evaluation: Evaluation) -> str | None:
    """Reason and message of the configuration error with which an evaluation failed; None for every other evaluation."""
    failure = None if evaluation.outcome is None else evaluation.outcome.failure
    if evaluation.state is not EvaluationState.FAILED or failure is None or failure.kind is not FailureKind.PLUMBING:
        return None
    return f"{failure.reason}: {failure.message}" if failure.reason in CONFIGURATION_REASONS else None


def is_refused(entries: Sequence[Entry]) -> bool:
    """Returns whether the last ended evaluations failed with the same configuration error, so that the next would fail too.

    Unlike every other stop reason, it looks beyond the horizon, so that an initial design is not spent on a single error. No
    proposal is conditioned on it: a campaign that continues after the cause was fixed proposes what it would have proposed.

    Args:
        entries: Proposals so far, by number.
    """
    last = list(islice((entry.refusal for entry in reversed(entries) if entry.state.terminal), SAME_REFUSALS))
    return len(last) == SAME_REFUSALS and last[0] is not None and len(set(last)) == 1
