"""Running counts for the live display, updated from the driver's messages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import groupby
from time import monotonic

from tansaku.models.domain.certificate import Certificate
from tansaku.models.domain.evaluation_columns import cost_of
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.states import EvaluationState
from tansaku.models.domain.time_limits import TimeSpent
from tansaku.models.domain.wording import counted
from tansaku.tasks.loop.ledger.summaries import EvaluationSummary
from tansaku.tasks.read.views.budget import Spent, budget_used, share_used
from tansaku.tasks.read.views.costs import cost_unit


@dataclass
class Tally:
    """Counts of one campaign, updated with each evaluation, so that a display need not read all of them again.

    Attributes:
        spec: The campaign with its edits applied.
        labels: Display names of its systems, in the order shown.
        n_candidates: Size of the pool.
        exhaustive_cost: Cost of evaluating everything.
        limit: Largest cost it may spend, None for no limit.
        since: When it was created.
        driven: Time that drivers had had it before the counting began [s].
        cost: Cost of the search's finished evaluations [the space's cost unit].
        finished: Number of finished evaluations of the search.
        free: Number of those that count in no limit.
        core_seconds: Measured core-seconds of all attempts.
        polished: Number of finished evaluations of the final relaxation.
        certificate: The latest convergence certificate, None before the first.
    """

    spec: CampaignSpec
    labels: dict[str, str]
    n_candidates: int
    exhaustive_cost: float
    limit: float | None
    since: datetime
    driven: float = 0.0
    cost: float = 0.0
    finished: int = 0
    free: int = 0
    core_seconds: float = 0.0
    polished: int = 0
    certificate: Certificate | None = None
    _begun: float = field(default_factory=monotonic)
    _by_number: dict[int, EvaluationSummary] = field(default_factory=dict)
    _failed: dict[int, EvaluationSummary] = field(default_factory=dict)
    _range: dict[str, tuple[float, float]] = field(default_factory=dict)
    _ended: Counter[str] = field(default_factory=Counter)

    def note(self, evaluations: Sequence[EvaluationSummary]) -> None:
        """Updates the counts with the current state of evaluations."""
        for evaluation in evaluations:
            number = evaluation.number
            before = self._by_number.get(number)
            self._by_number[number] = evaluation
            if before is not None:
                self._count(before, -1)
            self._count(evaluation, 1)
            if evaluation.state is EvaluationState.FAILED:
                self._failed[number] = evaluation
            else:
                self._failed.pop(number, None)
            self._widen(evaluation)

    def _count(self, evaluation: EvaluationSummary, sign: int) -> None:
        self.core_seconds += sign * evaluation.core_seconds
        if not evaluation.state.terminal or evaluation.done_as is not None:
            return
        if evaluation.purpose == "polish":
            self.polished += sign
            return
        self.finished += sign
        self.free += sign if evaluation.adopted and self.spec.known_first is not None else 0
        self.cost += sign * cost_of(evaluation, self.spec.space)
        self._ended[evaluation.system] += sign

    def _widen(self, evaluation: EvaluationSummary) -> None:
        value = evaluation.value
        if value is None or evaluation.purpose == "polish":
            return
        low, high = self._range.get(evaluation.system, (value, value))
        self._range[evaluation.system] = min(low, value), max(high, value)

    @property
    def failed(self) -> list[EvaluationSummary]:
        """Failed evaluations of the search and of the final relaxation."""
        return list(self._failed.values())

    @property
    def fraction(self) -> float:
        """Share of the budget that is used, 0…1: of its nearest limit, or of the pool, whichever is larger."""
        time = TimeSpent(datetime.now(UTC), self.driven + monotonic() - self._begun, self.core_seconds)
        unit = cost_unit(self.spec.space)
        spent = Spent(self.finished - self.free, self.cost, self.limit, unit, time, self.since)
        return max(share_used(budget_used(self.spec.budget, spent)), min(1.0, self.finished / self.n_candidates))

    def best(self) -> dict[str, tuple[float | None, int]]:
        """Best value so far (None without one) and number of evaluations, per label."""
        end = 0 if self.spec.objective.direction == "minimize" else 1
        found = {system: ends[end] for system, ends in list(self._range.items())}
        return {label: (found.get(system), self._ended[system]) for system, label in self.labels.items()}

    def line(self) -> str:
        """Formats the counts as one line."""
        unit = cost_unit(self.spec.space)
        spent = f"{100 * self.cost / self.exhaustive_cost:.3g} % of the exhaustive cost"
        if unit is not None:
            spent = f"{self.cost:.4g} {unit}"
        parts = [counted(self.finished, "evaluation"), spent, f"{len(self.failed)} failed"]
        if self.polished:
            parts.append(f"{counted(self.polished, 'final relaxation')}")
        return ", ".join(parts)


def failure_line(evaluation: EvaluationSummary) -> str:
    """Describes a failed evaluation in one line."""
    return f"{evaluation.state.value} {evaluation.candidate}: {evaluation.failure or 'no reason recorded'}"


def failure_lines(evaluations: Sequence[EvaluationSummary]) -> list[str]:
    """Describes failed evaluations; successive ones with the same failure share one line with a count."""
    lines = []
    for _, group in groupby(evaluations, key=lambda evaluation: (evaluation.state, evaluation.failure)):
        same = list(group)
        lines.append(failure_line(same[0]) + (f" (and {len(same) - 1} more)" if len(same) > 1 else ""))
    return lines
