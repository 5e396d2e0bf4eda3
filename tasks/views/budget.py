"""Use of each limit of a campaign's budget."""

from __future__ import annotations

from tansaku.models.domain.records import Record
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.time_limits import HOUR, TimeSpent
from tansaku.tasks.views.status import CampaignStatus


class Used(Record):
    """One limit of a budget.

    Attributes:
        title: What is limited.
        spent: So far, with its unit.
        limit: That may be spent, with its unit; empty: it is not limited.
        share: The former over the latter, None without a limit.
    """

    title: str
    spent: str
    limit: str = ""
    share: float | None = None


def budget_used(spec: CampaignSpec, status: CampaignStatus, spent: TimeSpent) -> tuple[Used, ...]:
    """Use of a budget: always evaluations and cost, and times if they are limited.

    Args:
        spec: Of the campaign, edits applied.
        status: The campaign's.
        spent: Time spent, to compare with time limits.
    """
    budget, unit = spec.budget, f" {status.cost_unit}" if status.cost_unit is not None else ""
    found = [
        _used("Evaluations", status.evaluations, budget.evaluations, "{:,.0f}"),
        _used("Cost", status.cost, status.limit or budget.cost, f"{{:,.0f}}{unit}"),
    ]
    if status.limit is None and budget.fraction is not None:  # the space cannot be opened
        found[1] = found[1].model_copy(update={"limit": f"{budget.fraction:g} of the exhaustive cost"})
    if budget.hours is not None:
        found.append(_used("Time with a driver", spent.driven / HOUR, budget.hours, "{:.3g} hours"))
    if budget.core_hours is not None:
        found.append(_used("Computing time", spent.core_seconds / HOUR, budget.core_hours, "{:.3g} core-hours"))
    if budget.deadline is not None:
        left = (budget.deadline - spent.now).total_seconds() / HOUR
        said = f"{left:.3g} hours are left" if left > 0 else "it has passed"
        found.append(Used(title="Deadline", spent=said, limit=f"{budget.deadline:%Y-%m-%d %H:%M %Z}"))
    return tuple(found)


def _used(title: str, spent: float, limit: float | None, form: str) -> Used:
    if limit is None:
        return Used(title=title, spent=form.format(spent))
    return Used(title=title, spent=form.format(spent), limit=form.format(limit), share=spent / limit)
