"""Promotion of a model's version by a user of the dashboard: once, with an entry in the audit."""

from __future__ import annotations

from tansaku.deploy.web.auth.roles import ForbiddenError
from tansaku.deploy.web.services import Services
from tansaku.deploy.web.steering import author_of
from tansaku.models.domain.accounts import Actor
from tansaku.models.domain.errors import FieldError
from tansaku.models.domain.model_registry import ModelRecord, promoted
from tansaku.tasks.act.checks.rights import may_promote
from tansaku.tasks.act.commands.audit import Change, record_change
from tansaku.tasks.act.commands.promote import promote_model
from tansaku.tasks.loop.training.versions import find_model

LONGEST_NOTE = 500


def promote(services: Services, actor: Actor, label: str, note: str) -> ModelRecord:
    """Promotes a version, so that its name alone refers to it; does nothing if it is promoted already.

    Args:
        label: ``NAME@VERSION``.
        note: Why.

    Raises:
        ForbiddenError: The actor may not promote versions of this model.
        FieldError: The note is empty or too long.
        ConfigurationError: The label has no version.
        NotFoundError: There is no such version.
    """
    note = note.strip()
    if not note or len(note) > LONGEST_NOTE:
        raise FieldError("note", f"expected 1 to {LONGEST_NOTE} characters that say why")
    name = label.partition("@")[0]
    find_model(services.seen_registry(actor), label)
    versions = services.registry.models(name)
    if versions and not may_promote(services.accounts, services.store, actor, versions):
        raise ForbiddenError("only admins, and the operator whose campaigns trained all its versions, may promote a model")
    before = promoted(versions)
    if before is not None and before.label == label:
        return find_model(services.registry, label)
    stored = promote_model(services.registry, author_of(actor), label, note)
    change = Change(
        action="model.promote",
        subject=f"model:{name}",
        before=None if before is None else {"version": before.version},
        after={"version": stored.version, "note": note},
    )
    record_change(services.accounts, actor, change, services.clock())
    return stored
