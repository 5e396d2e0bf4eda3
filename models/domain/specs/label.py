"""Labels: energies of relaxed structures by a second calculator."""

from __future__ import annotations

from pydantic import model_validator

from tansaku.models.domain.specs.base import Spec
from tansaku.models.domain.specs.calculators.contract import workflow_of
from tansaku.models.domain.specs.calculators.table import AtomicCalculatorSpec

LABEL_PROPERTY = "label_grain_boundary_energy"
"""Objective of a campaign that wants the boundaries that are best by the label: its excess energy, not the calculator's."""


class LabelSpec(Spec):
    """A further calculator whose energies of each relaxed structure are also stored.

    Attributes:
        calculator: The calculator; it must give an energy of each atom.
        relaxed: Whether this calculator relaxes the structure further, as its own ``relaxation`` says, before its energies are
            stored; the stored structure is still that of the first calculator. False: energies of the unchanged structure.
    """

    calculator: AtomicCalculatorSpec
    relaxed: bool = False

    @model_validator(mode="after")
    def _no_workflow(self) -> LabelSpec:
        if workflow_of(self.calculator) is not None:
            raise ValueError("calculator.workflow: a label is an energy of a structure; remove it")
        return self
