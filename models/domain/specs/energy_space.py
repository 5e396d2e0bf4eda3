"""What specs of spaces share whose candidates are computed for their energy, each as it stands."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from tansaku.models.domain.specs.base import PositiveFloat, Spec

ENERGY_PER_ATOM = "energy_per_atom"
"""The property that such a space is about [eV/atom]."""


class AtomsCostSpec(Spec):
    """Cost of an evaluation.

    Attributes:
        model: ``atoms``: number of atoms to the power given; ``measured``: core-seconds, learned from the times that this
            campaign's evaluations took.
        power: Exponent; 1 suits an embedded-atom potential, 3 density-functional theory. With ``measured``: the one that is
            expected before anything was measured.
        anchor: ``measured`` only: what an evaluation of 100 atoms is expected to take before anything was measured
            [core-seconds]; None: 1.
        kpoint_density: ``measured`` only: cost is learned from the number of k-points at this density [Å] too, besides atoms;
            None: a DFT calculator's, filled in when the spec is resolved.
    """

    model: Literal["atoms", "measured"] = "atoms"
    power: PositiveFloat = 1.0
    anchor: PositiveFloat | None = None
    kpoint_density: Annotated[float, Field(gt=0, le=20)] | None = None

    @model_validator(mode="after")
    def _kpoints_are_used(self) -> AtomsCostSpec:
        if self.kpoint_density is not None and self.model != "measured":
            raise ValueError("kpoint_density: only model: measured uses it; remove it or choose measured")
        return self

    @model_validator(mode="after")
    def _anchor_is_used(self) -> AtomsCostSpec:
        if self.anchor is not None and self.model != "measured":
            raise ValueError("anchor: only model: measured uses it; remove it or choose measured")
        return self


class EnergySpaceSpec(Spec):
    """A space whose candidates are computed as they stand; a base of specs, none of its own.

    Attributes:
        relaxed: Whether a candidate is relaxed before, as the calculator's ``relaxation`` says.
        cost: Predicted cost of an evaluation.
    """

    relaxed: bool = False
    cost: AtomsCostSpec = AtomsCostSpec()

    @property
    def elements(self) -> frozenset[str]:
        """Elements that the calculator must know; empty where only the code of the space can tell."""
        return frozenset()
