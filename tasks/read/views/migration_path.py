"""The energy along the path of a migrating ion, as an evaluation stored it."""

from __future__ import annotations

import math

from tansaku.models.domain.records import Evaluation, Record


class MigrationPath(Record):
    """States and saddle points of the path with the lowest barrier.

    Attributes:
        distance: Along the path [Å].
        energy: Above the lowest end state [eV].
        barrier: The forward barrier [eV]; None: not stored.
    """

    distance: tuple[float, ...]
    energy: tuple[float, ...]
    barrier: float | None


def migration_path(evaluation: Evaluation) -> MigrationPath | None:
    """The path of an evaluation; None where it has none."""
    if evaluation.outcome is None:
        return None
    stored = evaluation.outcome.properties
    distance, energy = _numbers(stored.get("frame_index")), _numbers(stored.get("energies"))
    if len(distance) < 2 or len(distance) != len(energy):
        return None
    barrier = _numbers([stored.get("forward_barrier")])
    return MigrationPath(distance=distance, energy=energy, barrier=barrier[0] if barrier else None)


def _numbers(value: object) -> tuple[float, ...]:
    """The numbers of a stored list; none if anything in it is not a finite number."""
    if not isinstance(value, list | tuple):
        return ()
    fine = [isinstance(item, int | float) and not isinstance(item, bool) and math.isfinite(item) for item in value]
    return tuple(float(item) for item in value) if all(fine) else ()
