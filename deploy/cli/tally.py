"""What a live display shows, counted from the driver's messages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from tansaku.models.domain.records import Evaluation
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.states import EvaluationState
from tansaku.tasks.costs import cost_of, cost_unit
from tansaku.tasks.results import failure_reason


@dataclass
class Tally:
    """Counts of one campaign.

    Attributes:
        spec: The campaign, edits applied.
        labels: What its systems are called on the screen, by name, in the order shown.
        n_candidates: Size of the pool.
        exhaustive_cost: Cost of evaluating everything.
        limit: Cost it may spend, None for no limit.
        by_number: Latest word on each evaluation, by proposal number.
    """

    spec: CampaignSpec
    labels: dict[str, str]
    n_candidates: int
    exhaustive_cost: float
    limit: float | None
    by_number: dict[int, Evaluation] = field(default_factory=dict)

    def note(self, evaluations: Sequence[Evaluation]) -> None:
        """Takes evaluations as they now stand."""
        for evaluation in evaluations:
            self.by_number[evaluation.proposal.number] = evaluation

    def _search(self) -> list[Evaluation]:
        # list() first: the display's thread reads while the driver's thread adds.
        return [entry for entry in list(self.by_number.values()) if entry.proposal.purpose == "search"]

    @property
    def cost(self) -> float:
        """Spent by evaluations that have ended [the space's cost unit]."""
        return float(sum(cost_of(entry, self.spec.space) for entry in self._search() if entry.state.terminal))

    @property
    def finished(self) -> int:
        """Evaluations of the search that have ended."""
        return sum(entry.state.terminal for entry in self._search())

    @property
    def polished(self) -> int:
        """Evaluations of the polish that have ended."""
        return sum(entry.state.terminal and entry.proposal.purpose == "polish" for entry in list(self.by_number.values()))

    @property
    def failed(self) -> list[Evaluation]:
        """Evaluations that failed, the search's and the polish's."""
        return [entry for entry in list(self.by_number.values()) if entry.state is EvaluationState.FAILED]

    @property
    def fraction(self) -> float:
        """Part of the budget that is spent, 0…1: by cost or by number, whichever is further."""
        budget = self.spec.budget
        parts = [self.finished / self.n_candidates]
        if self.limit is not None:
            parts.append(self.cost / self.limit)
        if budget.evaluations is not None:
            parts.append(self.finished / budget.evaluations)
        return min(1.0, max(parts))

    def best(self) -> dict[str, tuple[float | None, int]]:
        """Best value so far, None if there is none, and number of evaluations, per label."""
        better = min if self.spec.objective.direction == "minimize" else max
        values: dict[str, list[float]] = {name: [] for name in self.labels}
        counts = dict.fromkeys(self.labels, 0)
        for entry in self._search():
            counts[entry.proposal.system] += entry.state.terminal
            if entry.outcome is not None and entry.outcome.value is not None:
                values[entry.proposal.system].append(entry.outcome.value)
        return {self.labels[name]: (better(found) if found else None, counts[name]) for name, found in values.items()}

    def line(self) -> str:
        """The counts in one line."""
        unit = cost_unit(self.spec.space)
        spent = f"{100 * self.cost / self.exhaustive_cost:.3g} % of the exhaustive cost"
        if unit is not None:
            spent = f"{self.cost:.4g} {unit}"
        parts = [f"{self.finished} evaluations", spent, f"{len(self.failed)} failed"]
        if self.polished:
            parts.append(f"{self.polished} polished")
        return ", ".join(parts)


def failure_line(evaluation: Evaluation) -> str:
    """One failed evaluation in one line."""
    return f"{evaluation.state.value} {evaluation.proposal.candidate}: {failure_reason(evaluation) or 'no reason recorded'}"
