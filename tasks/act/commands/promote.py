"""Promotion of a stored model version by a user, regardless of its errors."""

from __future__ import annotations

from tansaku.models.domain.authors import Actor
from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.model_registry import ModelRecord, Registry
from tansaku.tasks.loop.training.versions import find_model


def promote_model(registry: Registry, actor: Actor, label: str, reason: str = "") -> ModelRecord:
    """Makes a version the one that its model's name refers to; the version's note says who did it.

    Args:
        label: ``NAME@VERSION``.
        reason: Why, in the user's words.

    Returns:
        The version as stored.

    Raises:
        ConfigurationError: The label has no version.
        NotFoundError: No such version is stored.
    """
    name, at, _ = label.partition("@")
    if not at:
        raise ConfigurationError(f"{label!r}: expected NAME@VERSION; `tansaku model list {name}` shows the versions")
    record = find_model(registry, label)
    return registry.promote(record.name, record.version, f"promoted by hand: {actor}" + (f": {reason}" if reason else ""))
