"""Bases of the specs of spaces whose candidates are computed for their energy, and for properties derived from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar, Self

from tansaku.models.domain.objectives import COMMON
from tansaku.models.domain.specs.cost import AtomsCostSpec, CostPrior
from tansaku.models.domain.specs.phases import PhasesSpec
from tansaku.models.domain.specs.space_base import KeyPath, SpaceBase, SpaceDescription, SpecFile

ENERGY_PER_ATOM = "energy_per_atom"
"""The property that such a space is about [eV/atom]."""


class EnergySpaceSpec(SpaceBase):
    """Base class of the specs of spaces whose candidates are computed for their energy.

    Attributes:
        relaxed: Whether a candidate is relaxed before, as the calculator's ``relaxation`` says.
        cost: Predicted cost of an evaluation.
    """

    description: ClassVar[SpaceDescription] = SpaceDescription(
        properties=(ENERGY_PER_ATOM, *COMMON),
        jobs={None: "energy"},
        learnable=True,
        keeps_free_energy=True,
        groups=("system", "composition"),
    )

    relaxed: bool = False
    cost: AtomsCostSpec = AtomsCostSpec()

    @property
    def as_they_stand(self) -> bool:
        """Whether candidates are not relaxed."""
        return not self.relaxed

    def cost_prior(self) -> CostPrior | None:
        """Cost by the number of atoms, and of k-points where their density is known."""
        return self.cost.prior()


ENERGY_PROPERTIES = (
    "energy_per_atom",
    "formation_energy",
    "energy_above_hull",
    "volume",
    "bulk_modulus",
    "band_gap",
    *COMMON,
)
"""Properties that the job ``energy`` computes; ``tasks/node/jobs/energy.py`` has the code of each."""


class PropertySpaceSpec(EnergySpaceSpec):
    """Base class of the specs of spaces whose candidates are computed for properties of crystals.

    Attributes:
        relaxed: Whether a candidate is relaxed before, as the calculator's ``relaxation`` says.
        cost: Predicted cost of an evaluation.
        phases: Phases that candidates are compared with, for ``formation_energy`` and ``energy_above_hull``.
    """

    description: ClassVar[SpaceDescription] = replace(
        EnergySpaceSpec.description, properties=ENERGY_PROPERTIES, further=ENERGY_PROPERTIES
    )

    phases: PhasesSpec | None = None

    @property
    def competing_phases(self) -> PhasesSpec | None:
        """The phases."""
        return self.phases

    def files(self) -> tuple[SpecFile, ...]:
        """The file of phases, if there is one."""
        return phases_file(self.phases)

    def with_hashes(self, hashes: Mapping[KeyPath, str]) -> Self:
        """The spec with the hash of the file of phases."""
        return self.model_copy(update={"phases": hashed_phases(self.phases, hashes)})


def phases_file(phases: PhasesSpec | None) -> tuple[SpecFile, ...]:
    """The file of phases, as a part of a space's spec names it."""
    if phases is None or phases.file is None:
        return ()
    return (SpecFile(("phases", "file"), phases.file, phases.sha256),)


def hashed_phases(phases: PhasesSpec | None, hashes: Mapping[KeyPath, str]) -> PhasesSpec | None:
    """The phases with the hash of their file."""
    if phases is None or phases.file is None:
        return phases
    return phases.model_copy(update={"sha256": hashes["phases", "file"]})
