"""Values that people or robots report: spec and facts."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from tansaku.models.domain.specs.base import PLAIN_TEXT, PositiveFloat
from tansaku.models.domain.specs.calculators.contract import CalculatorBase, CalculatorFacts
from tansaku.models.domain.specs.relaxation import RelaxationSpec


class ManualSpec(CalculatorBase):
    """Values are reported, not computed: proposals wait until a person or a robot reports them.

    Attributes:
        procedure: Name of this way to measure (instrument, protocol); values measured in two ways are never mixed.
        deviation: Standard deviation of one measurement [the objective's unit]; null: the model learns it.
        expires: A proposal that has waited for this long is released at the next request for proposals [h]; null: never.
    """

    facts: ClassVar[CalculatorFacts] = CalculatorFacts(
        engine="tansaku.calculators.engines.manual",
        model="procedure",
        unrelated=frozenset({"deviation", "expires"}),
        charged=True,
        manual=True,
    )

    type: Literal["manual"] = "manual"
    procedure: Annotated[str, Field(min_length=1, max_length=200), PLAIN_TEXT] | None = None
    deviation: PositiveFloat | None = None
    expires: Annotated[float, Field(gt=0, le=1e5)] | None = None

    @property
    def relaxation(self) -> RelaxationSpec:
        """Relaxation without effect: nothing is relaxed."""
        return RelaxationSpec()
