"""SevenNet: spec and facts."""

from __future__ import annotations

from typing import ClassVar, Literal

from tansaku.models.domain.specs.calculators.contract import CalculatorBase, CalculatorFacts, Licence
from tansaku.models.domain.specs.relaxation import RelaxationSpec
from tansaku.models.domain.specs.workflow import MigrationBarrierSpec


class SevennetSpec(CalculatorBase):
    """SevenNet, a universal potential (needs the extra ``sevennet``). Its numbers are not DFT.

    Attributes:
        model: Weights of the package.
        relaxation: How every candidate is relaxed where there is no workflow.
        workflow: Workflow of a candidate; null: the property of its space is computed directly.
    """

    facts: ClassVar[CalculatorFacts] = CalculatorFacts(
        engine="tansaku.calculators.engines.sevennet",
        code="sevenn",
        extra="sevennet",
        package="sevenn",
        model="model",
        licence=Licence("MIT License", "metadata of the package sevenn, which has the weights"),
        keeps_unconverged=True,
        atomic_energies=True,
    )

    type: Literal["sevennet"] = "sevennet"
    model: Literal["7net-0", "7net-l3i5", "7net-mf-0-r2scan"] = "7net-0"
    relaxation: RelaxationSpec = RelaxationSpec()
    workflow: MigrationBarrierSpec | None = None
