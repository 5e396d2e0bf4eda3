"""Limits of an evaluation that code from outside tansaku computes: a program of the site, or a plug-in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from tansaku.models.domain.plugins import plugin_of
from tansaku.models.domain.specs.base import PositiveFloat, PositiveInt, Spec

if TYPE_CHECKING:
    from tansaku.models.domain.specs.calculators.contract import CalculatorBase, CodeOrigin
    from tansaku.models.domain.specs.label import LabelSpec
    from tansaku.models.domain.specs.space import SpaceSpec

LimitReason = Literal["memory_limit", "process_limit", "size_limit"]
"""Reasons of a failure by one of these limits: another attempt would meet it too."""


class EvaluationLimitsSpec(Spec):
    """Limits of one evaluation by a program of ``commands`` or by a plug-in's calculator; others have none.

    Attributes:
        memory: Resident memory of all its processes together [MB], with that of the worker for a plug-in, which computes there.
        processes: Most processes that it has at once, beside the worker.
        size: Files in its folder and its output together [MB].
    """

    memory: PositiveFloat = 4000.0
    processes: PositiveInt = 256
    size: PositiveFloat = 1000.0

    def describe(self) -> str:
        """The limits in words."""
        return f"{self.memory:,.0f} MB of memory, {self.processes:,} processes, {self.size:,.0f} MB of files and output"


def limited_code(calculator: CalculatorBase | None, label: LabelSpec | None, space: SpaceSpec) -> CodeOrigin | None:
    """Returns the origin of the code of an evaluation with limits; None where a calculator of tansaku's own takes part.

    Args:
        calculator: Of a campaign.
        label: Its further calculator.
        space: Its space, which computes by itself where there is no calculator.
    """
    origins = {part.origin for part in (calculator, label.calculator if label is not None else None) if part is not None}
    if not origins:
        origins = {"plugin" if plugin_of("spaces", space.type) is not None else "tansaku"}
    if "tansaku" in origins:
        return None
    return "plugin" if "plugin" in origins else "site"
