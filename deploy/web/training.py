"""Trainings of models that users ask for: their rights, with entries in the audit. A service trains."""

from __future__ import annotations

from tansaku.deploy.web.auth.roles import ForbiddenError
from tansaku.deploy.web.services import Services
from tansaku.deploy.web.steering import audit_once, author_of, check_address_key
from tansaku.models.domain.accounts import Actor, Role
from tansaku.models.domain.errors import NotFoundError
from tansaku.models.domain.specs.surrogate import ModelSpec
from tansaku.models.domain.trainings import TrainingRequest, WantedModel
from tansaku.tasks.act.checks.rights import may_train
from tansaku.tasks.act.commands.audit import Change, training_change
from tansaku.tasks.act.commands.trainings import NOT_YOURS, cancel_training, request_training, resolved, training_of
from tansaku.tasks.read.views.trainings import Estimate, TrainingLine, estimate_of, training_line, training_lines

MOST_LINES = 20


def estimate(services: Services, actor: Actor, wanted: WantedModel) -> Estimate:
    """Returns what a training would use. Raises as :func:`resolved`."""
    registry = services.seen_registry(actor)
    return estimate_of(registry, *resolved(registry, wanted))


def permitted(services: Services, actor: Actor, wanted: WantedModel) -> ModelSpec:
    """Returns the model file of a training that an actor may ask for.

    Raises:
        FieldError, NotFoundError: As of :func:`resolved`.
        ForbiddenError: The model exists, and the actor may not decide which of its versions is used.
    """
    spec, _ = resolved(services.seen_registry(actor), wanted)
    versions = services.registry.models(spec.name)
    if not may_train(services.accounts, services.store, services.requests, actor, versions):
        raise ForbiddenError(NOT_YOURS)
    return spec


def train(services: Services, actor: Actor, key: str, wanted: WantedModel) -> tuple[TrainingRequest, bool]:
    """Asks a service to train a model; a repeated key stores nothing. Returns the request, and whether this call stored it.

    Raises:
        ProblemError: The key cannot be one.
        FieldError, NotFoundError, ForbiddenError: As of :func:`permitted`.
        StoreError: As of :func:`request_training`.
    """
    check_address_key(key)
    spec = permitted(services, actor, wanted)
    stored, new = request_training(services.requests, author_of(actor), spec, key, services.clock())
    audit_once(services, actor, training_change(stored))
    return stored, new


def cancel(services: Services, actor: Actor, identifier: str) -> None:
    """Ends a training of the actor; an admin may end any. Raises NotFoundError, ForbiddenError."""
    line(services, actor, identifier)
    known = training_of(services.requests, identifier)
    if known.user != actor.name and not actor.may(Role.ADMIN):
        raise ForbiddenError(f"only {known.user} and admins may cancel this training")
    if cancel_training(services.requests, author_of(actor), identifier, services.clock()):
        audit_once(services, actor, Change("model.cancel", f"model:{known.model}", after={"id": identifier}))


def lines(services: Services, actor: Actor) -> list[TrainingLine]:
    """Returns the last trainings that an actor may see, the newest first."""
    return training_lines(services.requests, services.seen_registry(actor), actor.name, MOST_LINES)


def line(services: Services, actor: Actor, identifier: str) -> TrainingLine:
    """Returns a training. Raises NotFoundError unless the actor may see it."""
    found = training_line(training_of(services.requests, identifier), services.seen_registry(actor), actor.name)
    if found is None:
        raise NotFoundError(f"no training {identifier[:64]!r} is stored")
    return found
