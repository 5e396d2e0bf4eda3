"""Descriptions of the properties of computed candidates for which a campaign can search.

A space's description names those of its candidates.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import EntryPoint
from typing import Literal

from tansaku.models.domain.door import kinds
from tansaku.models.domain.magnitudes import LARGEST
from tansaku.models.domain.units import Unit

Need = Literal["label", "phases", "band_gap"]
"""Requirement of a property: ``label``, ``phases`` of the space or of the calculator's workflow, or a calculator that gives the
``band_gap``."""


Given = Literal["calculator", "phases"]


@dataclass(frozen=True)
class ObjectiveDescription:
    """Facts of a property.

    Attributes:
        name: As a campaign file writes it in ``objective.property``.
        units: Units in which it can be given, the usual one first.
        needs: What a campaign must have for it; None: nothing but a space whose candidates have it.
        compute: Of a property of candidates that are computed for their energy: module and function that makes a ``Quantity``
            of a ``CalculationResult``.
        given: Further arguments of it: the ``calculator``, and energies of competing ``phases`` by formula [eV/atom].
        common: Of such a property: whether all spaces have it whose candidates are computed for their energy; else those whose
            description names it.
        largest: A result with a larger absolute value is an error of what computed it [the first unit].
    """

    name: str
    units: tuple[Unit, ...]
    needs: Need | None = None
    compute: str | None = None
    given: tuple[Given, ...] = ()
    common: bool = True
    largest: float = LARGEST


def _of_energy(
    name: str, units: tuple[Unit, ...], needs: Need | None = None, *, given: tuple[Given, ...] = (), largest: float
) -> ObjectiveDescription:
    """A property that the job ``energy`` computes by a function of its own module, for spaces that name it."""
    compute = f"tansaku.tasks.node.jobs.energy:{name}_of"
    return ObjectiveDescription(name, units, needs, compute, given, common=False, largest=largest)


GRAIN_BOUNDARY_ENERGY = ObjectiveDescription("grain_boundary_energy", ("mJ/m2", "J/m2"), largest=1e9)
LABEL_GRAIN_BOUNDARY_ENERGY = ObjectiveDescription("label_grain_boundary_energy", ("mJ/m2", "J/m2"), "label", largest=1e9)
EXPANSION = ObjectiveDescription("expansion", ("Angstrom",), largest=1e6)
MIGRATION_BARRIER = ObjectiveDescription("migration_barrier", ("eV", "meV"), largest=1e6)
BARRIER_1D = ObjectiveDescription("barrier_1d", ("eV", "meV"), largest=1e6)
BARRIER_2D = ObjectiveDescription("barrier_2d", ("eV", "meV"), largest=1e6)
BARRIER_3D = ObjectiveDescription("barrier_3d", ("eV", "meV"), largest=1e6)
SPREAD = ObjectiveDescription("spread", ("eV", "meV"), largest=1e6)
ION_BINDING_ENERGY = ObjectiveDescription("ion_binding_energy", ("kJ/mol", "kcal/mol"), largest=1e9)
SEGREGATION_ENERGY = ObjectiveDescription("segregation_energy", ("eV", "meV"), largest=1e6)
ENERGY_ABOVE_HULL = _of_energy("energy_above_hull", ("eV/atom", "meV/atom"), "phases", given=("phases",), largest=1e6)
ENERGY_PER_ATOM = _of_energy("energy_per_atom", ("eV/atom", "meV/atom"), largest=1e6)
ENERGY = _of_energy("energy", ("eV", "meV"), largest=1e12)
FORMATION_ENERGY = _of_energy("formation_energy", ("eV/atom", "meV/atom"), "phases", given=("phases",), largest=1e6)
VOLUME = _of_energy("volume", ("Angstrom3/atom",), largest=1e9)
BULK_MODULUS = _of_energy("bulk_modulus", ("GPa",), given=("calculator",), largest=1e9)
BAND_GAP = _of_energy("band_gap", ("eV", "meV"), "band_gap", largest=1e6)


def _checked(entry: EntryPoint, found: object) -> ObjectiveDescription:
    if not isinstance(found, ObjectiveDescription) or (found.compute is None and not entry.module.startswith("tansaku.")):
        raise TypeError(f"{entry.value} is not an ObjectiveDescription with compute")
    if found.name != entry.name:
        raise ValueError(f"it describes {found.name!r}; expected the entry point's name")
    return found


OBJECTIVES = kinds("objectives", _checked)
"""Descriptions by name."""

COMMON = tuple(name for name, description in OBJECTIVES.items() if description.compute and description.common)
"""Properties of all candidates that are computed for their energy, besides those that their spaces name."""


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
