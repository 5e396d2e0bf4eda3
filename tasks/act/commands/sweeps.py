"""Deletes artifacts that nothing refers to."""

from __future__ import annotations

from itertools import chain

from tansaku.tasks.backends.resources import Resources

ORPHAN_AGE = 86400.0
"""Artifacts younger than this may still be added to an outcome [s]."""


def sweep_artifacts(resources: Resources, older_than: float = ORPHAN_AGE) -> int:
    """Deletes artifacts that no evaluation, transfer, data set or model refers to, and that is not in the library.

    References in damaged records count too.

    Args:
        older_than: Younger ones stay [s].

    Returns:
        How many were deleted.
    """
    referenced = chain(
        resources.store.named_artifacts(), resources.registry.named_artifacts(), resources.library.named_artifacts()
    )
    return resources.artifacts.sweep(referenced, older_than=older_than)
