"""Trains what a user of the dashboard asked for, and stores its progress."""

from __future__ import annotations

import math
import time

from tansaku.models.domain.errors import TansakuError, TransientError
from tansaku.models.domain.moments import utc_now
from tansaku.models.domain.specs.surrogate import ModelSpec
from tansaku.models.domain.surrogates import Progress
from tansaku.models.domain.trainings import MOST_STEPS, TrainingEnd, TrainingRequest, Trainings, TrainingState, TrainingStep
from tansaku.tasks.backends.resources import DatabaseResources
from tansaku.tasks.loop.training.versions import train_model

_BETWEEN = 0.5
"""Least time between two stored states of the progress [s]."""


class Steps:
    """The progress of a training, which is stored now and then.

    Args:
        trainings: Where it is stored.
        request: The training; what is stored of it was done before a kill.
    """

    def __init__(self, trainings: Trainings, request: TrainingRequest) -> None:
        self._trainings, self._id = trainings, request.id
        self._steps = list(request.steps)
        self._stored_at = -math.inf

    def note(self, progress: Progress) -> None:
        """Takes a step; one that is repeated after a kill replaces what came after it."""
        errors = (value if math.isfinite(value) else None for value in (progress.training, progress.validation))
        training, validation = errors
        step = TrainingStep(
            step=progress.step, training=training, validation=validation, unit=progress.unit, note=progress.note
        )
        self._steps = [*(known for known in self._steps if known.step < step.step), step]
        if len(self._steps) > MOST_STEPS:
            self._steps = [*self._steps[:-1:2], step]
        if time.monotonic() - self._stored_at >= _BETWEEN:
            self.store()

    def store(self) -> None:
        """Stores the progress so far."""
        self._trainings.note_steps(self._id, self._steps)
        self._stored_at = time.monotonic()


def train_requested(resources: DatabaseResources, request: TrainingRequest) -> None:
    """Trains a version of a model and stores how that ended; killed at any moment, it continues when it is called again.

    Raises:
        TransientError: The database does not answer.
    """
    steps = Steps(resources.requests, request)
    try:
        record = train_model(resources, ModelSpec.model_validate(request.spec), steps.note)
    except TransientError:
        raise
    except TansakuError as error:
        end = TrainingEnd(state=TrainingState.FAILED, reason=error.message)
    else:
        end = TrainingEnd(state=TrainingState.ENDED, version=record.label, reason=record.note)
    steps.store()
    resources.requests.end_training(request.id, end, utc_now())
