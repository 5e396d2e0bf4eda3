"""CHGNet: spec and facts."""

from __future__ import annotations

from typing import ClassVar, Literal

from tansaku.models.domain.specs.calculators.contract import CalculatorBase, CalculatorFacts, Licence
from tansaku.models.domain.specs.relaxation import RelaxationSpec
from tansaku.models.domain.specs.workflow import MigrationBarrierSpec


class ChgnetSpec(CalculatorBase):
    """CHGNet, a universal potential (needs the extra ``chgnet``). Its numbers are not DFT.

    Attributes:
        model: Weights of the package: ``0.3.0`` was fitted to PBE(+U) data, ``r2scan`` to r2SCAN.
        dtype: Precision; the published one is single.
        relaxation: How every candidate is relaxed where there is no workflow.
        workflow: Workflow of a candidate; null: the property of its space is computed directly.
    """

    facts: ClassVar[CalculatorFacts] = CalculatorFacts(
        engine="tansaku.calculators.engines.chgnet",
        extra="chgnet",
        package="chgnet",
        model="model",
        licence=Licence("Modified BSD", "metadata of the package chgnet, which has the weights"),
        keeps_unconverged=True,
        atomic_energies=True,
    )

    type: Literal["chgnet"] = "chgnet"
    model: Literal["0.3.0", "r2scan"] = "0.3.0"
    dtype: Literal["float32", "float64"] = "float32"
    relaxation: RelaxationSpec = RelaxationSpec()
    workflow: MigrationBarrierSpec | None = None
