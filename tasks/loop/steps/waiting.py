"""Reports what a driver waits for: every wait is reported, but the log is not filled with the same line."""

from __future__ import annotations

import time
from collections import Counter
from datetime import datetime

from tansaku.models.domain.records import Evaluation
from tansaku.models.domain.states import EvaluationState
from tansaku.tasks.loop.ledger.context import Ledger
from tansaku.tasks.loop.ledger.observer import Observer

_WORDS = {
    EvaluationState.PROPOSED: "not yet submitted",
    EvaluationState.SUBMITTING: "being submitted",
    EvaluationState.SUBMITTED: "queued",
    EvaluationState.RUNNING: "running",
    EvaluationState.LOST: "lost, to be retried",
}
_LONGEST = 3600.0  # between two reminders [s]


class Reminder:
    """Reports to an observer why nothing happens: after a while without progress, then at growing intervals.

    Args:
        observer: Receives the reasons.
        first: Time without progress before the first reminder [s].
    """

    def __init__(self, observer: Observer, first: float) -> None:
        self._observer = observer
        self._first = first
        self._outage = ""
        self._outage_due = 0.0
        self._outage_pause = 0.0
        self.progressed()

    def progressed(self) -> None:
        """Resets the time after progress."""
        self._since = time.monotonic()
        self._interval = self._first
        self._due = self._since + self._first
        self._outage = ""

    def waits(self, ledger: Ledger, seconds: float) -> None:
        """Called when the driver found nothing to do; it looks again after ``seconds`` at the latest."""
        now = time.monotonic()
        if now < self._due:
            return
        self._observer.on_wait(f"no result for {now - self._since:.0f} s; {describe_work(ledger)}", seconds)
        self._interval = min(2.0 * self._interval, _LONGEST)
        self._due = now + self._interval

    def fails(self, reason: str, seconds: float) -> None:
        """Called when a component does not answer; the driver tries again after ``seconds``.

        A repeated reason is reported at growing intervals.
        """
        now = time.monotonic()
        if reason != self._outage:
            self._outage, self._outage_due, self._outage_pause = reason, now, 1.0
        if now >= self._outage_due:
            self._observer.on_wait(reason, seconds)
            self._outage_due = now + self._outage_pause
            self._outage_pause = min(2.0 * self._outage_pause, _LONGEST)


def describe_work(ledger: Ledger) -> str:
    """Describes what a campaign waits for: evaluations in progress by state, the longest-waiting one, and its training."""
    active = ledger.active
    counts = Counter(_WORDS.get(evaluation.state, evaluation.state.value) for evaluation in active)
    parts = [f"{count} {words}" for words, count in counts.items()]
    dated = [(since, evaluation) for evaluation in active if (since := _since(evaluation)) is not None]
    if dated:
        since, oldest = min(dated, key=lambda item: item[0])
        parts.append(f"the oldest is {oldest.proposal.candidate} since {since:%Y-%m-%d %H:%M:%S}Z")
    if ledger.training is not None:
        parts.append(f"training {ledger.training.number} is in progress")
    if ledger.paused and not active:
        parts.append("the campaign is paused")
    return "waiting for evaluations: " + ", ".join(parts) if active else ", ".join(parts) or "nothing is in progress"


def _since(evaluation: Evaluation) -> datetime | None:
    attempt = evaluation.current_attempt
    return None if attempt is None else attempt.started_at
