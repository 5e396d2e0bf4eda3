"""Trainings that users of the dashboard ask for, what a service says of them, and the port of their store."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Literal, Protocol

from pydantic import AwareDatetime, Field

from tansaku.models.domain.records import Count, PlainData, Record

MOST_STEPS = 200
"""Steps of a training that are kept; of more, those between are left out."""

TRAINING_ID_PATTERN = r"^[A-Za-z0-9-]{8,64}$"


class TrainingState(StrEnum):
    """State of a training."""

    WAITING = "waiting"
    RUNNING = "running"
    ENDED = "ended"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_open(self) -> bool:
        """Whether it has not ended."""
        return self in (TrainingState.WAITING, TrainingState.RUNNING)


class WantedModel(Record):
    """A training that a user wants.

    Attributes:
        name: Of the model.
        dataset: Name of a data set, or its hash.
        surrogate: Type of a surrogate with the usual hyper-parameters, or a version whose hyper-parameters it has.
        learns: Whose energies are learned: ``calculator`` or ``label``.
        seed: Of the random choices.
    """

    name: str
    dataset: str
    surrogate: str
    learns: str = "calculator"
    seed: int = 0


class TrainingStep(Record):
    """Errors after a step of a training [``unit``]; None where an error is no finite number."""

    step: Count
    training: float | None
    validation: float | None
    unit: str
    note: str = ""


class TrainingRequest(Record):
    """A user's request to train a version of a model.

    Attributes:
        id: Chosen by the client; storing it twice has no further effect.
        model: Name of the model.
        spec: The model file, with the hash of its data set.
        holder: The service that trains it; another one may when that is silent.
        held_until: Until then, by the clock of the store.
        steps: Its progress.
        version: Label of the version that it made.
        reason: Why that version was promoted or not, or why there is none.
    """

    schema_version: Literal[1] = 1
    id: str = Field(pattern=TRAINING_ID_PATTERN)
    model: str
    spec: PlainData
    user: str
    origin: str
    created_at: AwareDatetime
    state: TrainingState = TrainingState.WAITING
    holder: str | None = None
    held_until: AwareDatetime | None = None
    steps: tuple[TrainingStep, ...] = ()
    version: str | None = None
    reason: str = ""
    ended_at: AwareDatetime | None = None


class TrainingEnd(Record):
    """The end of a training; fields as of :class:`TrainingRequest`."""

    state: TrainingState
    version: str | None = None
    reason: str


class Trainings(Protocol):
    """Store of trainings. Durations count by its clock; every acknowledged write survives ``kill -9``."""

    def add_training(self, request: TrainingRequest) -> TrainingRequest:
        """Stores a training that waits; returns the stored one of its id."""
        ...

    def training(self, training_id: str) -> TrainingRequest | None:
        """Returns a training, or None."""
        ...

    def trainings(self, limit: int = 20) -> list[TrainingRequest]:
        """Returns the last trainings, the newest first."""
        ...

    def take_training(self, holder: str, seconds: float) -> TrainingRequest | None:
        """Takes the oldest training that waits, or that the holder or nobody any more trains; None: there is none.

        Args:
            holder: The service that will train it.
            seconds: How long others are kept away [s].
        """
        ...

    def hold_training(self, training_id: str, holder: str, seconds: float) -> bool:
        """Keeps others away for longer; returns whether the training is the holder's and has not ended."""
        ...

    def note_steps(self, training_id: str, steps: Sequence[TrainingStep]) -> None:
        """Replaces the progress of a training that has not ended."""
        ...

    def end_training(self, training_id: str, end: TrainingEnd, now: AwareDatetime) -> bool:
        """Stores how a training ended; returns whether it had not ended before."""
        ...
