"""Requests to train a version of a model; a service carries them out (``flows/trainings.py``)."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime

from pydantic import ValidationError

from tansaku.models.domain.authors import Actor
from tansaku.models.domain.errors import FieldError, NotFoundError, StoreError
from tansaku.models.domain.model_registry import DatasetRecord, Registry
from tansaku.models.domain.specs.surrogate import SURROGATE_SPECS, ModelSpec
from tansaku.models.domain.trainings import TrainingEnd, TrainingRequest, Trainings, TrainingState, WantedModel
from tansaku.models.domain.wording import field_problem
from tansaku.tasks.loop.training.versions import find_dataset, find_model

MOST_OPEN = 20
"""Trainings of a user that have not ended."""

NOT_YOURS = (
    "only admins, and the operator whose campaigns and trainings made all its versions, may train another version of a model; "
    "choose another name"
)

_LOOKED_AT = 500


def resolved(registry: Registry, wanted: WantedModel) -> tuple[ModelSpec, DatasetRecord]:
    """Returns the model file of a wanted training, with the hash of its data set, and the data set.

    Args:
        registry: What the user may see.

    Raises:
        FieldError: A value cannot be used.
        NotFoundError: There is no such data set or version.
    """
    dataset = find_dataset(registry, wanted.dataset)
    if wanted.surrogate in SURROGATE_SPECS:
        surrogate = {"type": wanted.surrogate}
    elif "@" in wanted.surrogate:
        surrogate = find_model(registry, wanted.surrogate).spec["surrogate"]
    else:
        raise FieldError("surrogate", f"expected one of {', '.join(SURROGATE_SPECS)}, or NAME@VERSION")
    given = wanted.model_dump() | {"schema_version": 1, "dataset": dataset.sha256, "surrogate": surrogate}
    try:
        spec = ModelSpec.model_validate(given)
    except ValidationError as error:
        raise FieldError(*field_problem(error)) from error
    if spec.learns not in dataset.sources and dataset.sources:
        raise FieldError("learns", f"the data set has no energies of the {spec.learns}")
    return spec.model_copy(update={"surrogate": spec.surrogate.of_new()}), dataset


def request_training(
    trainings: Trainings, actor: Actor, spec: ModelSpec, identifier: str, now: datetime
) -> tuple[TrainingRequest, bool]:
    """Stores a request to train a model. Asking again with the same id stores nothing.

    Returns:
        The request as stored, and whether this call stored it.

    Raises:
        StoreError: The id belongs to another user's request, or the user has too many.
    """
    known = trainings.training(identifier)
    new = known is None
    if known is None:
        if sum(found.user == actor.name for found in open_trainings(trainings)) >= MOST_OPEN:
            raise StoreError(f"{MOST_OPEN} trainings of yours have not ended; wait for them or cancel some")
        known = trainings.add_training(
            TrainingRequest(
                id=identifier,
                model=spec.name,
                spec=spec.model_dump(mode="json"),
                user=actor.name,
                origin=actor.origin,
                created_at=now,
            )
        )
    if known.user != actor.name or known.model != spec.name:
        raise StoreError(f"training {identifier} is another one")
    return known, new


def open_trainings(trainings: Trainings) -> list[TrainingRequest]:
    """Returns the trainings that have not ended, the newest first."""
    return [found for found in trainings.trainings(_LOOKED_AT) if found.state.is_open]


def cancel_training(trainings: Trainings, actor: Actor, identifier: str, now: datetime) -> bool:
    """Ends a training before its end; returns whether it had not ended. What it computed is kept for the same training."""
    end = TrainingEnd(state=TrainingState.CANCELLED, reason=f"cancelled by {actor.name}")
    return trainings.end_training(identifier, end, now)


def offered_surrogates(registry: Registry) -> list[str]:
    """Returns types of surrogates that need no hyper-parameters, and the stored versions whose hyper-parameters may be used.

    Args:
        registry: What the user may see.
    """
    types = []
    for name, kind in SURROGATE_SPECS.items():
        with suppress(ValidationError):
            kind.model_validate({"type": name})
            types.append(name)
    return [*types, *(record.label for record in registry.readable_models()[0])]


def training_of(trainings: Trainings, identifier: str) -> TrainingRequest:
    """Returns a training. Raises NotFoundError if there is none."""
    found = trainings.training(identifier)
    if found is None:
        raise NotFoundError(f"no training {identifier[:64]!r} is stored")
    return found
