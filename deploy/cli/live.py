"""Observers that show a driver's progress: a live display on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tansaku.deploy.cli.printing import clean, say, words
from tansaku.deploy.cli.tally import Tally, failure_line, failure_lines
from tansaku.models.domain.certificate import Certificate
from tansaku.models.domain.history import cost_limit
from tansaku.models.domain.records import CampaignRecord, Evaluation, Refit
from tansaku.models.domain.retraining import Retrain, RetrainEnd, describe
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.states import EvaluationState
from tansaku.models.domain.wording import counted
from tansaku.spaces.space_registry import open_space
from tansaku.tasks.backends.stores.campaigns import stored_spec
from tansaku.tasks.loop.ledger.summaries import EvaluationSummary, summary_of
from tansaku.tasks.read.views.results import system_label

if TYPE_CHECKING:
    from rich.console import RenderableType

    from tansaku.tasks.loop.ledger.observer import Observer

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


class PlainObserver:
    """Writes start, failures, occasional progress and end to standard error."""

    def __init__(self) -> None:
        self._tally: Tally | None = None
        self._next_line = 0.0
        self._certified = ""
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
        if certificate is not None and certificate.describe() != self._certified:
            self._certified = certificate.describe()
            self._write(self._certified)

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
            self._tally.note([summary_of(evaluation)])

    def on_outcome(self, evaluation: Evaluation) -> None:
        """Counts it; a failure is reported at once."""
        if self._tally is None:
            return
        self._tally.note([summary_of(evaluation)])
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
        self._certified = ""
        self._write_certificate()


def _waiting(reason: str, seconds: float) -> str:
    return f"waiting up to {max(1.0, seconds):.0f} s: {reason}"


class LiveObserver:
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
        known = [] if tally.certificate is None else [words(tally.certificate.describe(), "green")]
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
            self._tally.note([summary_of(evaluation)])

    def on_outcome(self, evaluation: Evaluation) -> None:
        """Counts it."""
        if self._tally is not None:
            self._tally.note([summary_of(evaluation)])

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
