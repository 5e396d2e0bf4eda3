"""Observers of a driver: the interface of the live display and of logs."""

from __future__ import annotations

from collections.abc import Sequence

from tansaku.models.domain.certificate import Certificate
from tansaku.models.domain.records import CampaignRecord, Evaluation, Refit
from tansaku.models.domain.retraining import Retrain, RetrainEnd
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.tasks.loop.ledger.summaries import EvaluationSummary


class Observer:
    """Callbacks of a driver, in the driver's thread. They return quickly and raise nothing; these ignore everything."""

    def on_start(self, record: CampaignRecord, evaluations: Sequence[EvaluationSummary]) -> None:
        """The campaign was loaded, or loaded again after an outage: these are summaries of all evaluations it has."""

    def on_proposal(self, evaluation: Evaluation) -> None:
        """A proposal was committed."""

    def on_outcome(self, evaluation: Evaluation) -> None:
        """An evaluation became DONE, FAILED, CANCELLED, or LOST (it will be retried)."""

    def on_refit(self, refit: Refit) -> None:
        """Hyper-parameters were fitted, or a fit failed (``refit.ok``)."""

    def on_retrain(self, retrain: Retrain, end: RetrainEnd | None) -> None:
        """A surrogate's training has begun, or ended; at a resume it begins again.

        Args:
            end: How it ended, None at its beginning.
        """

    def on_certificate(self, certificate: Certificate) -> None:
        """A convergence certificate was computed."""

    def on_edit(self, spec: CampaignSpec, limit: float | None) -> None:
        """A user's edit holds from the next proposal on.

        Args:
            spec: The campaign with its edits applied.
            limit: Largest cost that it may spend now, None for no limit [the space's cost unit].
        """

    def on_wait(self, reason: str, seconds: float) -> None:
        """The driver waits for something other than its jobs.

        Args:
            reason: Description, such as the holder of the lease or an unreachable database.
            seconds: Longest time until the next check [s].
        """

    def on_stop(self, reason: str) -> None:
        """The driver ends; ``reason`` is one of :data:`tansaku.tasks.loop.driver.result.EndReason`."""
