"""Use of each limit of a campaign's budget: the one account that command, live display, page and API call show."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from tansaku.models.domain.history import HOUR, TimeSpent
from tansaku.models.domain.records import Record
from tansaku.models.domain.specs.budget import BudgetSpec
from tansaku.tasks.backends.stores.campaigns import driven_until
from tansaku.tasks.read.views.campaign import Campaign
from tansaku.tasks.read.views.costs import cost_unit


class Used(Record):
    """One limit of a budget.

    Attributes:
        title: What is limited.
        spent: So far, with its unit.
        limit: That may be spent, with its unit; empty: it is not limited.
        share: The former over the latter, None without a limit.
        pending: Those of the evaluations that have no result yet.
        ended: The others.
        reserved: What of a spent cost is reserved for those that have no result yet, with its unit; empty: nothing.
        candidates: Number of candidates that can be evaluated, where the limit is larger.
    """

    title: str
    spent: str
    limit: str = ""
    share: float | None = None
    pending: int = 0
    ended: str = ""
    reserved: str = ""
    candidates: int | None = None

    @property
    def progress(self) -> float | None:
        """Share of the limit, or of the candidates that can be evaluated where these are fewer; None without a limit."""
        if self.share is None or not self.candidates:
            return self.share
        return min(1.0, int((self.ended or self.spent).replace(",", "")) / self.candidates)

    @property
    def timed(self) -> bool:
        """Whether it is a limit of time."""
        return self.title not in (_EVALUATIONS, _COST)

    def describe(self) -> str:
        """Describes it in words."""
        if self.title == _DEADLINE:
            return f"deadline {self.limit} ({self.spent})"
        share = "" if self.share is None else f" ({100 * self.share:.3g} %)"
        if self.candidates is not None:
            return f"{self.title.lower()} {self.spent} of {self.candidates:,} that can be evaluated; limit {self.limit}"
        begun = f", {self.pending:,} more begun" if self.pending and self.limit else ""
        return f"{self.title.lower()} {self.ended or self.spent}" + (f" of {self.limit}{share}{begun}" if self.limit else "")


_SMALL = 100.0
_EVALUATIONS, _COST, _DEADLINE = "Evaluations", "Cost", "Deadline"


@dataclass(frozen=True)
class Spent:
    """The costs that count in a budget.

    Attributes:
        evaluations: Evaluations of the search that count.
        cost: Of the elements and the search [the space's cost unit].
        cost_limit: That it may spend, None without a limit or if the space cannot be opened.
        cost_unit: None where the file gives costs, whose unit is unknown.
        time: To compare with limits of time.
        since: When the campaign was created.
        pending: Those of the evaluations that have no result yet.
        reserved: Their part of the cost.
        candidates: Candidates whose value was not known already; None if the space cannot be opened.
    """

    evaluations: int
    cost: float
    cost_limit: float | None
    cost_unit: str | None
    time: TimeSpent
    since: datetime
    pending: int = 0
    reserved: float = 0.0
    candidates: int | None = None

    @classmethod
    def by(cls, campaign: Campaign, cost_limit: float | None) -> Spent:
        """The costs of a stored campaign, as its driver counts them.

        Args:
            cost_limit: That it may spend.
        """
        now, columns = datetime.now(UTC), campaign.columns
        late = sum(incident.late_core_seconds for incident in campaign.incidents.values())
        measured = sum(float(np.nansum(rows.measured_costs)) for rows in (columns, *columns.aside))
        pending, opened = campaign.counted & ~columns.terminal, campaign.prospects
        return cls(
            evaluations=int(campaign.counted.sum()),
            cost=float(np.cumsum(np.append(campaign.aside_cost, campaign.costs[columns.counted]))[-1]),  # in the driver's order
            cost_limit=cost_limit,
            cost_unit=cost_unit(campaign.spec.space),
            time=TimeSpent(now, driven_until(campaign.record, now), measured + late),
            since=campaign.record.created_at,
            pending=int(pending.sum()),
            reserved=float(campaign.costs[pending].sum()),
            candidates=None if opened is None else len(opened.pool) - int(campaign.known.sum()),
        )


def budget_used(budget: BudgetSpec, spent: Spent) -> tuple[Used, ...]:
    """Use of a budget: always evaluations and cost, and times if they are limited.

    Args:
        budget: With edits applied.
    """
    unit, time = "" if spent.cost_unit is None else f" {spent.cost_unit}", spent.time
    evaluations = _used(_EVALUATIONS, spent.evaluations, budget.evaluations, "{:,.0f}".format)
    ended = f"{spent.evaluations - spent.pending:,}" if spent.pending else ""
    share = (
        None
        if evaluations.share is None or not budget.evaluations
        else (spent.evaluations - spent.pending) / budget.evaluations
    )
    found = [
        evaluations.model_copy(
            update={"pending": spent.pending, "ended": ended, "share": share, "candidates": _fewer(budget, spent)}
        ),
        _used(_COST, spent.cost, spent.cost_limit or budget.cost, lambda cost: whole_or_short(cost) + unit).model_copy(
            update={"reserved": whole_or_short(spent.reserved) + unit if spent.reserved else ""}
        ),
    ]
    if spent.cost_limit is None and budget.fraction is not None:  # the space cannot be opened
        found[1] = found[1].model_copy(update={"limit": f"{budget.fraction:g} of the exhaustive cost"})
    if budget.hours is not None:
        found.append(_used("Time with a driver", time.driven / HOUR, budget.hours, "{:.3g} hours".format))
    if budget.core_hours is not None:
        found.append(_used("Computing time", time.core_seconds / HOUR, budget.core_hours, "{:.3g} core-hours".format))
    if budget.deadline is not None:
        left, whole = ((budget.deadline - moment).total_seconds() for moment in (time.now, spent.since))
        said = f"{left / HOUR:.3g} hours are left" if left > 0 else "it has passed"
        share = 1.0 if left <= 0 else 1.0 - left / whole
        found.append(Used(title=_DEADLINE, spent=said, limit=f"{budget.deadline:%Y-%m-%d %H:%M %Z}", share=share))
    return tuple(found)


def _fewer(budget: BudgetSpec, spent: Spent) -> int | None:
    """Number of candidates that can be evaluated, where a limit of evaluations is larger."""
    limit, candidates = budget.evaluations, spent.candidates
    return candidates if limit is not None and candidates is not None and candidates < limit else None


def share_used(used: Sequence[Used]) -> float:
    """Share of the limit that is nearest, 0…1; 0 without a limit."""
    return min(1.0, max((item.share for item in used if item.share is not None), default=0.0))


def progress_of(used: Sequence[Used]) -> float | None:
    """Progress to the limit that is nearest, 0…1; None without a limit."""
    found = [item.progress for item in used if item.progress is not None]
    return min(1.0, max(found)) if found else None


def whole_or_short(cost: float) -> str:
    """A cost as a whole number, a small one with three digits."""
    return f"{cost:,.0f}" if abs(cost) >= _SMALL else f"{cost:.3g}"


def _used(title: str, spent: float, limit: float | None, form: Callable[[float], str]) -> Used:
    if limit is None:
        return Used(title=title, spent=form(spent))
    return Used(title=title, spent=form(spent), limit=form(limit), share=spent / limit)
