"""Candidates that meet the threshold of a goal that has one: the answer of a search for all of them."""

from __future__ import annotations

import numpy as np

from tansaku.models.domain.records import JsonDict, Record
from tansaku.models.domain.wording import with_unit
from tansaku.tasks.read.views.campaign import Campaign


class Hit(Record):
    """A candidate that meets the threshold.

    Attributes:
        candidate: Its id.
        value: [the objective's unit].
        round: Number of the proposal.
        predicted: Whether a trained model predicted the value.
    """

    candidate: str
    value: float
    round: int
    predicted: bool


class Hits(Record):
    """All candidates that meet the threshold so far.

    Attributes:
        threshold: What they meet, in words.
        found: The best first.
    """

    threshold: str
    found: tuple[Hit, ...]

    def describe(self) -> str:
        """Counts them in words."""
        return f"{len(self.found)} {'candidate' if len(self.found) == 1 else 'candidates'} {self.threshold}"

    def among(self, candidates: set[str]) -> list[JsonDict]:
        """Hits among some candidates, as plain data."""
        return [hit.model_dump() for hit in self.found if hit.candidate in candidates]


def hits_of(campaign: Campaign) -> Hits | None:
    """The candidates of a search that meet the threshold; None where the goal has none.

    Of several replicates of a candidate the value of the last one counts, as in the search.
    """
    columns, objective, sign = campaign.columns, campaign.spec.objective, campaign.sign
    threshold = objective.goal.threshold_in(objective.unit)
    if threshold is None:
        return None
    valued = np.flatnonzero(columns.searched & ~np.isnan(columns.values)).tolist()
    latest = {columns.candidates[place]: place for place in valued}
    met = [place for place in latest.values() if sign * columns.values[place] <= sign * threshold]
    met.sort(key=lambda place: (sign * float(columns.values[place]), columns.candidates[place]))
    found = (
        Hit(
            candidate=columns.candidates[place],
            value=float(columns.values[place]),
            round=int(columns.numbers[place]),
            predicted=bool(columns.predicted[place]),
        )
        for place in met
    )
    limit = with_unit(f"{threshold:g}", objective.unit)
    return Hits(threshold=f"at or {'below' if sign > 0.0 else 'above'} {limit}", found=tuple(found))
