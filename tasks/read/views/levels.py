"""Looks at cheaper levels: how many, what they cost, whether they tell of full values, and their values beside those."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from tansaku.models.domain.levels import EVIDENCE, FITTED, trusts_looks
from tansaku.models.domain.pool import FloatArray
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.wording import counted, headed
from tansaku.tasks.read.views.campaign import Campaign
from tansaku.tasks.read.views.costs import costs_of


@dataclass(frozen=True)
class LookValues:
    """Looks with a value, in proposal order.

    Attributes:
        candidate: Their ids.
        level: Names of their levels.
        look: Their values [``units``], shape ``(n,)``.
        full: Values of the same candidates' full evaluations [``unit``], NaN without one, shape ``(n,)``.
        quantity: Name of the full values.
        unit: Of the full values.
        units: Of the looks, by level.
    """

    candidate: tuple[str, ...]
    level: tuple[str, ...]
    look: FloatArray
    full: FloatArray
    quantity: str
    unit: str
    units: Mapping[str, str]

    @property
    def shared_unit(self) -> str:
        """The unit of the looks at all levels; 1 where these have several, which the names of the levels then have."""
        found = {self.units[level] for level in self.levels}
        return found.pop() if len(found) == 1 else "1"

    def named(self, level: str) -> str:
        """Name of a level, with its unit where levels have several."""
        return headed(level, self.units[level]) if self.shared_unit != self.units[level] else level

    @property
    def levels(self) -> tuple[str, ...]:
        """Names of the levels, in the order in which they were first looked at."""
        return tuple(dict.fromkeys(self.level))

    def at(self, level: str) -> LookValues:
        """The looks at one level."""
        here = np.array([own == level for own in self.level])
        chosen = tuple(name for name, own in zip(self.candidate, here, strict=True) if own)
        return replace(self, candidate=chosen, level=(level,) * len(chosen), look=self.look[here], full=self.full[here])


def look_values(campaign: Campaign) -> LookValues | None:
    """Values of looks beside those of full evaluations; None before the first."""
    rows, columns = campaign.columns.looks, campaign.columns
    if rows is None or np.isnan(rows.values).all():
        return None
    there = np.flatnonzero(~np.isnan(rows.values))
    full = {columns.candidates[at]: float(columns.values[at]) for at in np.flatnonzero(columns.searched)}
    candidates = tuple(rows.candidates[at] for at in there)
    return LookValues(
        candidates,
        tuple(str(rows.levels[at]) for at in there),
        rows.values[there],
        np.array([full.get(name, np.nan) for name in candidates]),
        campaign.value_key,
        campaign.spec.objective.unit,
        {level.name: campaign.spec.unit_at(level.name) for level in campaign.spec.levels},
    )


def looks_in_words(campaign: Campaign) -> tuple[str, ...]:
    """A line for each cheaper level of a campaign, and why looks are bought or not; nothing without levels."""
    if not campaign.spec.levels:
        return ()
    lines = [_counts(campaign, level.name) for level in campaign.spec.levels]
    fitted = [refit.hyperparameters[FITTED] for refit in campaign.refits if FITTED in refit.hyperparameters]
    return (*lines, _related(campaign, fitted[-1])) if fitted else tuple(lines)


def _counts(campaign: Campaign, level: str) -> str:
    rows = campaign.columns.looks
    here = np.zeros(0, dtype=np.bool_) if rows is None else np.array([own == level for own in rows.levels], dtype=np.bool_)
    if rows is None or not here.any():
        return f"{level}: no look yet"
    failed, cost = int((here & rows.failed).sum()), float(costs_of(rows, campaign.spec.space)[here].sum())
    share = cost / (campaign.aside_cost + float(campaign.costs[campaign.columns.counted].sum()))
    begun = int((here & ~rows.terminal).sum())
    begun_in_words = f", {begun} in progress" if begun else ""
    return f"{level}: {counted(int(here.sum()), 'look')}, {failed} failed{begun_in_words}, {100 * share:.3g} % of the cost"


def _related(campaign: Campaign, fitted: JsonDict) -> str:
    pairs = f"{counted(fitted['pairs'], 'candidate')} with both values"
    evidence = f"evidence {fitted['evidence']:.1f} nats, {pairs}"
    if not trusts_looks(fitted["evidence"]):
        return f"looks are not known to tell of full values, so few are bought ({evidence}; {EVIDENCE:g} are needed)"
    names = [level.name for level in campaign.spec.levels]
    said = ", ".join(f"{name} {share:.2f}" for name, share in zip(names, fitted["related"], strict=False))
    return f"correlation with full values: {said} ({evidence})"
