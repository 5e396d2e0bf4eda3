"""Time limits of a campaign: how much of each is spent, and which is reached."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np

from tansaku.models.domain.specs.budget import BudgetSpec
from tansaku.models.domain.time_limits import HOUR, TimeSpent
from tansaku.tasks.stores.campaigns import driven_until
from tansaku.tasks.views.stored_campaign import StoredCampaign


def time_spent(campaign: StoredCampaign) -> TimeSpent:
    """Returns the time and cost that limits are compared with, as the driver compares them."""
    now = datetime.now(UTC)
    late = sum(incident.late_core_seconds for incident in campaign.incidents.values())
    return TimeSpent(now, driven_until(campaign.record, now), float(np.nansum(campaign.arrays.measured_costs)) + late)


def time_limits(budget: BudgetSpec, spent: TimeSpent) -> tuple[str, ...]:
    """Describes what is spent of each limit of time; none where there is none."""
    lines = []
    if budget.hours is not None:
        lines.append(f"driven for {spent.driven / HOUR:.3g} of {budget.hours:g} hours")
    if budget.core_hours is not None:
        lines.append(f"{spent.core_seconds / HOUR:.3g} of {budget.core_hours:g} core-hours")
    if budget.deadline is not None:
        left = (budget.deadline - spent.now).total_seconds()
        word = f"in {left / HOUR:.3g} hours" if left > 0 else "passed"
        lines.append(f"deadline {budget.deadline.isoformat(sep=' ', timespec='minutes')} ({word})")
    return tuple(lines)
