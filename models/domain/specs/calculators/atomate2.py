"""Makers of atomate2: spec and facts."""

from __future__ import annotations

from typing import ClassVar, Literal

from tansaku.models.domain.specs.calculators.chgnet import ChgnetSpec
from tansaku.models.domain.specs.calculators.contract import CalculatorBase, CalculatorFacts
from tansaku.models.domain.specs.relaxation import RelaxationSpec


class Atomate2Spec(CalculatorBase):
    """Makers of atomate2, run as a jobflow flow where the evaluation runs (needs the extra ``atomate2``).

    Attributes:
        force_field: Force field of the makers: CHGNet 0.3.0 of the package chgnet. Its numbers are not DFT.
        optimizer: Of ASE, for the relaxation maker.
        relaxation: How every candidate is relaxed; the cell must be ``fixed``.
    """

    facts: ClassVar[CalculatorFacts] = CalculatorFacts(
        engine="tansaku.calculators.engines.atomate2",
        extra="atomate2",
        package="atomate2",
        licence=ChgnetSpec.facts.licence,
        recorded=frozenset({"optimizer"}),
        cells=("fixed",),
        variables=("ATOMATE2_", "PMG_"),
    )

    type: Literal["atomate2"] = "atomate2"
    force_field: Literal["chgnet"] = "chgnet"
    optimizer: Literal["LBFGS", "FIRE", "BFGS"] = "LBFGS"
    relaxation: RelaxationSpec = RelaxationSpec(fmax=0.01)
