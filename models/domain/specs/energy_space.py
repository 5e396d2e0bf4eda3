"""Base of the specs of spaces whose candidates are computed for their energy."""

from __future__ import annotations

from typing import ClassVar

from tansaku.models.domain.objectives import COMMON
from tansaku.models.domain.specs.cost import AtomsCostSpec, CostPrior
from tansaku.models.domain.specs.space_base import SpaceBase, SpaceDescription

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
