"""The end of a driver's work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

EndReason = Literal[
    "budget", "evaluations", "hours", "core_hours", "deadline", "exhausted", "failures", "configuration", "reference",
    "certain", "not_worth_it", "target", "cancelled", "paused", "waiting", "interrupted",
]  # fmt: skip


@dataclass(frozen=True)
class DriveResult:
    """End of a driver's work.

    Attributes:
        reason: ``interrupted``: by a signal, running jobs continue; ``waiting``: for values that people or robots report.
        last_number: Number of the last proposal.
        active: Evaluations that had not ended.
        all_failed: Whether evaluations have ended, all of them without a value.
        proposer_seconds: Time this driver spent on fits and choices [s].
    """

    campaign: str
    reason: EndReason
    last_number: int
    active: int
    all_failed: bool
    proposer_seconds: float
