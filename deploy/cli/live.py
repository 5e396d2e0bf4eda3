"""Observers that show a driver's progress: a live display on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

from tansaku.deploy.cli.printing import clean, say, words
from tansaku.models.domain.certificate import Certificate
from tansaku.models.domain.evaluation_columns import cost_of
from tansaku.models.domain.history import TimeSpent, cost_limit
from tansaku.models.domain.records import CampaignRecord, Evaluation, Refit
from tansaku.models.domain.retraining import Retrain, RetrainEnd, describe
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.states import EvaluationState
from tansaku.models.domain.wording import counted, known_already
from tansaku.spaces.space_registry import open_space
from tansaku.tasks.backends.stores.campaigns import stored_spec
from tansaku.tasks.loop.ledger.observer import Observer
from tansaku.tasks.loop.ledger.summaries import EvaluationSummary, summary_of
from tansaku.tasks.read.views.budget import Spent, budget_used, share_used
from tansaku.tasks.read.views.costs import cost_unit
from tansaku.tasks.read.views.system_names import system_label

if TYPE_CHECKING:
    from rich.console import RenderableType

_LINE_EVERY = 10.0  # seconds between two progress lines


def _tally(record: CampaignRecord, evaluations: Sequence[EvaluationSummary]) -> Tally:
    spec = stored_spec(record)
    space = open_space(spec.space, Path(record.base_path))
    pool = space.pool()
    labels = {row["system"]: system_label(row) for row in space.describe_systems()}
    limit = cost_limit(spec.budget, pool, spec.space.spent_on_descriptors)
    tally = Tally(spec, labels, len(pool), float(pool.cost.sum()), limit, record.created_at, record.driven)
    tally.note(evaluations)
    return tally


class PlainObserver(Observer):
    """Writes start, failures, occasional progress and end to standard error."""

    def __init__(self) -> None:
        self._tally: Tally | None = None
        self._next_line = 0.0
        self._certified: tuple[str, ...] = ()
        self._begins = ""
        self._failure: str | None = None
        self._same: list[str] = []

    def _write(self, line: str) -> None:
        self._write_same()
        say(line, err=True)

    def _write_failure(self, evaluation: Evaluation) -> None:
        """Writes a line for a failure; repeats of the same failure are only counted, and the count precedes the next line."""
        summary = summary_of(evaluation)
        failure = f"{summary.state}: {summary.failure}"
        if failure == self._failure:
            self._same.append(summary.candidate)
            return
        self._write(failure_line(summary))
        self._failure = failure

    def _write_same(self) -> None:
        if self._same:
            say(f"       and {len(self._same)} more with the same failure, most recently {self._same[-1]}", err=True)
        self._same = []

    def _write_certificate(self) -> None:
        """Writes the certificate unless its text has not changed."""
        certificate = None if self._tally is None else self._tally.certificate
        if certificate is not None and certificate.sentences != self._certified:
            self._certified = certificate.sentences
            for sentence in self._certified:
                self._write(sentence)

    def on_start(self, record: CampaignRecord, evaluations: Sequence[EvaluationSummary]) -> None:
        """Writes where the campaign starts or resumes."""
        self._tally = _tally(record, evaluations)
        self._next_line = time.monotonic() + _LINE_EVERY
        begins = f"{record.name}: {'continues after' if evaluations else 'starts,'} {self._tally.line()}"
        if begins != self._begins:
            self._begins = begins
            self._write(begins)

    def on_proposal(self, evaluation: Evaluation) -> None:
        """Counts it."""
        if self._tally is not None:
            self._tally.take(evaluation)

    def on_outcome(self, evaluation: Evaluation) -> None:
        """Counts it; a failure is reported at once."""
        if self._tally is None:
            return
        self._tally.take(evaluation)
        if evaluation.state in (EvaluationState.FAILED, EvaluationState.LOST):
            self._write_failure(evaluation)
        else:
            self._write_same()
            self._failure = None
        if time.monotonic() >= self._next_line:
            self._next_line = time.monotonic() + _LINE_EVERY
            self._write(f"{100 * self._tally.fraction:.0f} % of the budget: {self._tally.line()}")
            self._write_certificate()

    def on_refit(self, refit: Refit) -> None:
        """Reports a failed fit."""
        if not refit.ok:
            self._write(f"refit {refit.number} failed, the last good values are kept: {refit.message}")

    def on_retrain(self, retrain: Retrain, end: RetrainEnd | None) -> None:
        """Reports how a training ended."""
        if end is not None:
            self._write(describe(retrain, end))

    def on_certificate(self, certificate: Certificate) -> None:
        """Keeps it for the next progress line; a certificate that ends the search is reported at once."""
        if self._tally is not None:
            self._tally.certificate = certificate
        if certificate.stops:
            self._write_certificate()

    def on_edit(self, spec: CampaignSpec, limit: float | None) -> None:
        """Counts by the new budget from now on."""
        if self._tally is not None:
            self._tally.spec, self._tally.limit = spec, limit

    def on_wait(self, reason: str, seconds: float) -> None:
        """Reports why the driver waits."""
        self._write(_waiting(reason, seconds))

    def on_stop(self, reason: str) -> None:
        """Writes the final counts."""
        counts = self._tally.line() if self._tally is not None else "no evaluations"
        self._write(f"ended ({reason}): {counts}")
        self._certified = ()
        self._write_certificate()


def _waiting(reason: str, seconds: float) -> str:
    return f"waiting up to {max(1.0, seconds):.0f} s: {reason}"


class LiveObserver(Observer):
    """Keeps a progress bar and the best value of each system on the terminal."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.live import Live

        self._tally: Tally | None = None
        self._note = ""
        self._live = Live(console=Console(stderr=True), get_renderable=self.render, refresh_per_second=4)

    def render(self) -> RenderableType:
        """Builds the current content of the display."""
        from rich.columns import Columns
        from rich.console import Group
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        tally = self._tally
        if tally is None:
            return words("opening the campaign …")
        bar = Table.grid(padding=(0, 1))
        bar.add_row(
            words(tally.spec.name, "bold"),
            ProgressBar(total=1.0, completed=tally.fraction, width=30),
            words(f"{100 * tally.fraction:.0f} % of the budget"),
        )
        cells = [
            Text.assemble(f"{clean(name)} ", ("—" if value is None else f"{value:.4g}", "bold"), (f" ({count})", "dim"))
            for name, (value, count) in tally.best().items()
        ]
        direction = "lowest" if tally.spec.objective.direction == "minimize" else "highest"
        head = words(f"{direction} so far [{tally.spec.objective.unit}] (evaluations)", "dim")
        failures = [words(line, "red") for line in failure_lines(tally.failed)[-3:]]
        known = [] if tally.certificate is None else [words(line, "green") for line in tally.certificate.sentences]
        return Group(
            bar, words(tally.line()), *known, head, Columns(cells, padding=(0, 3)), *failures, words(self._note, "yellow")
        )

    def on_start(self, record: CampaignRecord, evaluations: Sequence[EvaluationSummary]) -> None:
        """Starts the display."""
        self._tally = _tally(record, evaluations)
        self._note = f"continues after {counted(len(evaluations), 'evaluation')}" if evaluations else ""
        self._live.start(refresh=True)

    def on_proposal(self, evaluation: Evaluation) -> None:
        """Counts it."""
        self._note = ""
        if self._tally is not None:
            self._tally.take(evaluation)

    def on_outcome(self, evaluation: Evaluation) -> None:
        """Counts it."""
        if self._tally is not None:
            self._tally.take(evaluation)

    def on_refit(self, refit: Refit) -> None:
        """Notes a failed fit."""
        if not refit.ok:
            self._note = f"refit {refit.number} failed, the last good values are kept: {refit.message}"

    def on_retrain(self, retrain: Retrain, end: RetrainEnd | None) -> None:
        """Notes what is being trained or how the training ended."""
        self._note = describe(retrain, end)

    def on_certificate(self, certificate: Certificate) -> None:
        """Shows it."""
        if self._tally is not None:
            self._tally.certificate = certificate

    def on_edit(self, spec: CampaignSpec, limit: float | None) -> None:
        """Counts by the new budget from now on."""
        if self._tally is not None:
            self._tally.spec, self._tally.limit = spec, limit

    def on_wait(self, reason: str, seconds: float) -> None:
        """Notes why the driver waits, also before the campaign is open."""
        self._note = _waiting(reason, seconds)
        if self._tally is None:
            self._live.console.print(words(self._note))

    def on_stop(self, reason: str) -> None:
        """Leaves the last state on the terminal."""
        self._note = f"ended: {reason}"
        self._live.stop()

    def close(self) -> None:
        """Releases the terminal, also after an error."""
        self._live.stop()


@contextmanager
def watching() -> Iterator[Observer]:
    """Opens the live display on a terminal, plain lines elsewhere."""
    if not sys.stderr.isatty():
        yield PlainObserver()
        return
    observer = LiveObserver()
    try:
        yield observer
    finally:
        observer.close()


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
        cost: Cost of the finished evaluations of elements and search [the space's cost unit].
        finished: Number of finished evaluations of the search.
        free: Number of those that count in no limit.
        core_seconds: Measured core-seconds of all attempts.
        polished: Number of finished evaluations of the final relaxation.
        references: Number of finished evaluations of elements.
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
    references: int = 0
    looks: int = 0
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

    def take(self, evaluation: Evaluation) -> None:
        """Updates the counts with the current state of an evaluation."""
        self.note([summary_of(evaluation, self.spec.objective.limits)])

    def _count(self, evaluation: EvaluationSummary, sign: int) -> None:
        self.core_seconds += sign * evaluation.core_seconds
        if not evaluation.state.terminal or evaluation.done_as is not None:
            return
        if evaluation.purpose == "polish":
            self.polished += sign
            return
        if evaluation.purpose in ("reference", "look"):
            self.references += sign * (evaluation.purpose == "reference")
            self.looks += sign * (evaluation.purpose == "look")
            self.cost += sign * cost_of(evaluation, self.spec.space)
            return
        self.finished += sign
        self.free += sign if evaluation.adopted and self.spec.known_first is not None else 0
        self.cost += sign * cost_of(evaluation, self.spec.space)
        self._ended[evaluation.system] += sign

    def _widen(self, evaluation: EvaluationSummary) -> None:
        value = evaluation.value
        if value is None or evaluation.purpose in ("polish", "look") or not evaluation.keeps_limits:
            return
        low, high = self._range.get(evaluation.system, (value, value))
        self._range[evaluation.system] = min(low, value), max(high, value)

    @property
    def failed(self) -> list[EvaluationSummary]:
        """Failed evaluations of elements, search and final relaxation."""
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
        parts = [counted(self.finished - self.free, "evaluation"), spent, f"{len(self.failed)} failed"]
        if self.free:
            parts.append(known_already(self.free))
        if self.looks:
            parts.insert(0, counted(self.looks, "look"))
        if self.references:
            parts.insert(0, counted(self.references, "reference"))
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
