"""Time limits of a campaign, as pure functions of the time spent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from tansaku.models.domain.specs.budget import BudgetSpec
from tansaku.models.domain.states import StopReason

HOUR = 3600.0
"""[s]"""


@dataclass(frozen=True, slots=True)
class TimeSpent:
    """Time spent so far, to compare with time limits.

    Attributes:
        now: Present time.
        driven: Time that drivers have had the campaign [s].
        core_seconds: What its attempts have taken.
    """

    now: datetime
    driven: float
    core_seconds: float


def out_of_time(budget: BudgetSpec, spent: TimeSpent) -> StopReason | None:
    """Returns the limit of time that is reached, or None; replays, whose time means nothing, do not call this."""
    if budget.deadline is not None and spent.now >= budget.deadline:
        return StopReason.DEADLINE
    if budget.hours is not None and spent.driven >= HOUR * budget.hours:
        return StopReason.HOURS
    if budget.core_hours is not None and spent.core_seconds >= HOUR * budget.core_hours:
        return StopReason.CORE_HOURS
    return None
