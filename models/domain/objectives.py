"""The registry of objectives: every property that a campaign can want of a computed candidate, and what is known of it.

A space's description names those of its candidates. Code that computes a property is joined to it in ``tasks/jobs``. Plug-ins
that bring a property add its description to :data:`OBJECTIVES`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tansaku.models.domain.units import Unit

Need = Literal["label", "phases"]
"""What a campaign must have for a property: ``label``, or ``phases`` of the calculator's workflow."""


@dataclass(frozen=True)
class ObjectiveDescription:
    """What is known of a property.

    Attributes:
        name: As a campaign file writes it in ``objective.property``.
        units: Units in which it can be given, the usual one first.
        needs: What a campaign must have for it; None: no more than a space whose candidates have it.
    """

    name: str
    units: tuple[Unit, ...]
    needs: Need | None = None


OBJECTIVES = {
    description.name: description
    for description in (
        ObjectiveDescription("grain_boundary_energy", ("mJ/m2", "J/m2")),
        ObjectiveDescription("label_grain_boundary_energy", ("mJ/m2", "J/m2"), needs="label"),
        ObjectiveDescription("expansion", ("Angstrom",)),
        ObjectiveDescription("migration_barrier", ("eV", "meV")),
        ObjectiveDescription("barrier_1d", ("eV", "meV")),
        ObjectiveDescription("barrier_2d", ("eV", "meV")),
        ObjectiveDescription("barrier_3d", ("eV", "meV")),
        ObjectiveDescription("spread", ("eV", "meV")),
        ObjectiveDescription("energy_above_hull", ("eV/atom", "meV/atom"), needs="phases"),
        ObjectiveDescription("energy_per_atom", ("eV/atom", "meV/atom")),
    )
}
"""Descriptions by name."""


def described(name: str) -> ObjectiveDescription:
    """The description of a property.

    Raises:
        ValueError: No such property is registered.
    """
    if name not in OBJECTIVES:
        raise ValueError(f"property {name!r} is not registered; expected one of {', '.join(OBJECTIVES)}")
    return OBJECTIVES[name]
