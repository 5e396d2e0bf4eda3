"""The best of a campaign in one line: of the search, and of the final relaxation where there is one."""

from __future__ import annotations

import numpy as np

from tansaku.models.domain.feasibility import limits_said
from tansaku.models.domain.records import Record
from tansaku.models.domain.specs.campaign import ObjectiveSpec
from tansaku.models.domain.views import BoolArray, Columns
from tansaku.models.domain.wording import counted, with_unit
from tansaku.tasks.read.views.campaign import Campaign
from tansaku.tasks.read.views.fronts import Evaluated, box_shares, evaluated_front, oriented_values
from tansaku.tasks.read.views.origins import best_place


class Best(Record):
    """The best value of the search or of the final relaxation.

    Attributes:
        number: Of the proposal.
        candidate: That has the value.
        value: [the objective's unit].
        searched: Of the final relaxation's: the value that the same candidate has in the search; None where it has none there.
    """

    number: int
    candidate: str
    value: float
    searched: float | None = None


class Headline(Record):
    """The best of a campaign: a search that leaves something fixed and the final relaxation have other values.

    Attributes:
        search: Best of the search; None before the first value.
        relaxed: Best of the final relaxation, which may be another candidate; None before its first value.
        unit: The objective's.
        front: Candidates that no other one beats in all objectives; None where there is one objective, or no value yet.
        volume: Share that they dominate of the box between the best values and the reference point, in words; None without any.
        limits: How many results keep the limits, in words; None without limits. The best are of those that do.
    """

    search: Best | None = None
    relaxed: Best | None = None
    unit: str
    front: int | None = None
    volume: str | None = None
    limits: str | None = None

    @property
    def shown(self) -> Best | None:
        """The value that a headline shows: that of the final relaxation, if there is one, because it is more accurate."""
        return self.relaxed or self.search

    @property
    def another(self) -> Best | None:
        """Best of the search where the final relaxation's is another candidate; it is a line of its own."""
        apart = self.relaxed is not None and self.search is not None and self.search.candidate != self.relaxed.candidate
        return self.search if apart else None

    def describe(self) -> list[str]:
        """The lines of the headline; no line has numbers of two candidates."""
        return [*self._best_lines(), *(line for line in (self.volume, self.limits) if line is not None)]

    def _best_lines(self) -> list[str]:
        if self.front is not None and self.search is not None and self.relaxed is None:
            return [f"front so far: {counted(self.front, 'candidate')}; best first objective: {self._said(self.search)}"]
        if self.relaxed is None:
            return [] if self.search is None else [f"best so far: {self._said(self.search)}"]
        before = (
            "" if self.relaxed.searched is None else f"; in the search {with_unit(f'{self.relaxed.searched:.6g}', self.unit)}"
        )
        lines = [f"best after the final relaxation: {self._said(self.relaxed)}{before}"]
        return lines if self.another is None else [*lines, f"best of the search: {self._said(self.another)}"]

    def _said(self, best: Best) -> str:
        return f"{with_unit(f'{best.value:.6g}', self.unit)} ({best.candidate})"


def headline_of(campaign: Campaign) -> Headline:
    """The best of a campaign."""
    arrays, sign, keeping = campaign.columns, campaign.sign, campaign.keeping
    relaxed = _best(arrays, ~arrays.searched & keeping, sign)
    if relaxed is not None:
        relaxed = relaxed.model_copy(update={"searched": searched_value(arrays, relaxed.candidate, sign)})
    found = evaluated_front(arrays, campaign.spec.objective)
    return Headline(
        search=_best(arrays, arrays.searched & keeping, sign),
        relaxed=relaxed,
        unit=campaign.spec.objective.unit,
        front=None if found is None else len({arrays.candidates[place] for place in found.places[found.member]}),
        volume=None if found is None or not found.member.any() else _volume_told(found, campaign.spec.objective),
        limits=_limits_told(campaign),
    )


def _volume_told(found: Evaluated, objective: ObjectiveSpec) -> str:
    signed = np.where(found.keeping[:, None], oriented_values(found.values, objective), np.nan)
    reference, volume = box_shares(signed, objective)
    back = oriented_values(reference[None, :], objective)[0].tolist()
    units = (objective.unit, *(goal.unit for goal in objective.goals))
    point = ", ".join(with_unit(f"{value:.4g}", unit) for value, unit in zip(back, units, strict=True))
    since = len(volume) - 1 - int(np.argmax(volume >= volume[-1]))
    grew = "the last result" if since == 0 else f"the last {counted(since, 'result')}"
    changed = f"it grew with {grew}" if since == 0 else f"{grew} did not enlarge it"
    return f"dominated volume: {100 * volume[-1]:.3g} % of the box up to the reference point {point}; {changed}"


def _limits_told(campaign: Campaign) -> str | None:
    limits, arrays = campaign.spec.objective.limits, campaign.columns
    if not limits:
        return None
    valued = arrays.searched & ~np.isnan(arrays.values)
    return f"{int((valued & campaign.keeping).sum())} of {counted(int(valued.sum()), 'result')} within {limits_said(limits)}"


def searched_value(columns: Columns, candidate: str, sign: float) -> float | None:
    """Value of a candidate in the search, the best one where it was computed again; None where it has none."""
    mine = np.zeros(len(columns.numbers), dtype=np.bool_)
    mine[[place for place, name in enumerate(columns.candidates) if name == candidate]] = True
    place = best_place(columns, mine & columns.searched, sign)
    return None if place is None else float(columns.values[place])


def _best(arrays: Columns, chosen: BoolArray, sign: float) -> Best | None:
    place = best_place(arrays, chosen, sign)
    if place is None:
        return None
    return Best(number=int(arrays.numbers[place]), candidate=str(arrays.candidates[place]), value=float(arrays.values[place]))
