"""Predicted cost of evaluations: its specs, and the prior of a cost that is learned from measured times."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field, model_validator

from tansaku.models.domain.specs.base import PositiveFloat, Spec

REFERENCE_ATOMS = 100.0
"""Number of atoms at which the spec's ``anchor`` holds."""

REFERENCE_KPOINTS = 10.0
REFERENCE_ELECTRONS = 1000.0
"""Numbers at which it holds where the pool has such descriptors; all electrons count, those of the cores too."""

WORK = "work"
"""Descriptor: what an evaluation takes over one of as many atoms, where some have more to do."""


@dataclass(frozen=True)
class CostPrior:
    """Prior of a learned cost: expectations before anything was measured.

    Attributes:
        anchor: Cost at the reference [core-seconds].
        exponents: By descriptor, in the order of the pool's columns.
        reference: Value of each descriptor at which the anchor holds.
    """

    anchor: float
    exponents: Mapping[str, float]
    reference: Mapping[str, float]


class AtomsCostSpec(Spec):
    """Cost of an evaluation.

    Attributes:
        model: ``atoms``: number of atoms to the power given; ``measured``: core-seconds, learned from the times that this
            campaign's evaluations took.
        power: Exponent; 1 suits an embedded-atom potential, 3 density-functional theory. With ``measured``: the one that is
            expected before anything was measured.
        anchor: ``measured`` only: expected time of an evaluation of 100 atoms before anything was measured
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

    def prior(self) -> CostPrior | None:
        """The prior of a cost that is learned, None for one that is given."""
        if self.model != "measured":
            return None
        exponents, reference = {"atoms": self.power}, {"atoms": REFERENCE_ATOMS}
        if self.kpoint_density is not None:
            exponents["kpoints"], reference["kpoints"] = 1.0, REFERENCE_KPOINTS
        return CostPrior(self.anchor or 1.0, exponents, reference)
