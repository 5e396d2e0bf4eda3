"""The registry of objectives: every property of computed candidates for which a campaign can search, with its facts.

A space's description names those of its candidates. Code that computes a property is joined to it in ``tasks/node/jobs``.
Plug-ins add descriptions of properties of candidates that are computed for their energy.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tansaku.models.domain.magnitudes import LARGEST
from tansaku.models.domain.plugins import Plugin, loaded
from tansaku.models.domain.units import Unit

Need = Literal["label", "phases", "band_gap"]
"""Requirement of a property: ``label``, ``phases`` of the space or of the calculator's workflow, or a calculator that gives the
``band_gap``."""


@dataclass(frozen=True)
class ObjectiveDescription:
    """Facts of a property.

    Attributes:
        name: As a campaign file writes it in ``objective.property``.
        units: Units in which it can be given, the usual one first.
        needs: What a campaign must have for it; None: nothing but a space whose candidates have it.
        compute: Of a plug-in's property of spaces that are computed for their energy: module and function that makes a
            ``Quantity`` of a ``CalculationResult``.
        largest: A result with a larger absolute value is an error of what computed it [the first unit].
    """

    name: str
    units: tuple[Unit, ...]
    needs: Need | None = None
    compute: str | None = None
    largest: float = LARGEST


OBJECTIVES = {
    description.name: description
    for description in (
        ObjectiveDescription("grain_boundary_energy", ("mJ/m2", "J/m2"), largest=1e9),
        ObjectiveDescription("label_grain_boundary_energy", ("mJ/m2", "J/m2"), needs="label", largest=1e9),
        ObjectiveDescription("expansion", ("Angstrom",), largest=1e6),
        ObjectiveDescription("migration_barrier", ("eV", "meV"), largest=1e6),
        ObjectiveDescription("barrier_1d", ("eV", "meV"), largest=1e6),
        ObjectiveDescription("barrier_2d", ("eV", "meV"), largest=1e6),
        ObjectiveDescription("barrier_3d", ("eV", "meV"), largest=1e6),
        ObjectiveDescription("spread", ("eV", "meV"), largest=1e6),
        ObjectiveDescription("ion_binding_energy", ("kJ/mol", "kcal/mol"), largest=1e9),
        ObjectiveDescription("energy_above_hull", ("eV/atom", "meV/atom"), needs="phases", largest=1e6),
        ObjectiveDescription("energy_per_atom", ("eV/atom", "meV/atom"), largest=1e6),
        ObjectiveDescription("energy", ("eV", "meV"), largest=1e12),
        ObjectiveDescription("formation_energy", ("eV/atom", "meV/atom"), needs="phases", largest=1e6),
        ObjectiveDescription("volume", ("Angstrom3/atom",), largest=1e9),
        ObjectiveDescription("bulk_modulus", ("GPa",), largest=1e9),
        ObjectiveDescription("band_gap", ("eV", "meV"), needs="band_gap", largest=1e6),
    )
}
"""Descriptions by name."""


def _of_plugin(plugin: Plugin, found: object) -> ObjectiveDescription:
    if not isinstance(found, ObjectiveDescription) or found.compute is None:
        raise TypeError(f"{plugin.entry.value} is not an ObjectiveDescription with compute")
    if found.name != plugin.name:
        raise ValueError(f"it describes {found.name!r}; expected the entry point's name")
    return found


PLUGIN_OBJECTIVES = loaded("objectives", _of_plugin, OBJECTIVES)
"""Objectives of plug-ins: properties of candidates that are computed for their energy."""

OBJECTIVES |= PLUGIN_OBJECTIVES


def described(name: str) -> ObjectiveDescription:
    """The description of a property.

    Raises:
        ValueError: No such property is registered.
    """
    if name not in OBJECTIVES:
        raise ValueError(f"property {name!r} is not registered; expected one of {', '.join(OBJECTIVES)}")
    return OBJECTIVES[name]


def described_needs(name: str | None) -> Need | None:
    """Returns the requirement of a property; None for one that is not registered, as the columns of a table."""
    return OBJECTIVES[name].needs if name in OBJECTIVES else None
