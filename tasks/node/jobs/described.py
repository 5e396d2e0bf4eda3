"""Jobs that compute a candidate from its description, not from a structure: functions of scripts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tansaku.models.domain.errors import CalculationError, ConfigurationError
from tansaku.models.domain.ports import DescribedCalculator, DescribedSpace
from tansaku.models.domain.records import Outcome, Quantity
from tansaku.models.domain.specs.campaign import ObjectiveSpec
from tansaku.tasks.node.jobs.document import JobDocument
from tansaku.tasks.node.jobs.opened import opened_calculator, opened_space


@dataclass(frozen=True)
class DescribedJob:
    """Gives the description of a candidate to a calculator that takes it."""

    space: DescribedSpace
    calculator: DescribedCalculator
    candidate: str
    objective: ObjectiveSpec

    def __call__(self) -> Outcome:
        """Computes the value, and further quantities where the calculator gives a mapping."""
        cells = self.space.cells(self.candidate)
        found = self.calculator.evaluate_described(dict(cells))
        wanted = self.objective.property or "value"
        values = found if isinstance(found, Mapping) else {wanted: found}
        if wanted not in values:
            given = ", ".join(values) or "nothing"
            raise CalculationError("incomplete", f"the function returned {given}; expected {wanted}, a number")
        units = {goal.property: goal.unit for goal in self.objective.further}
        further = {name: Quantity(value=value, unit=units.get(name, "1")) for name, value in values.items() if name != wanted}
        return Outcome(
            value=values[wanted],
            quantities=further,
            properties={"parameters": dict(cells)},
            provenance=self.calculator.provenance,
        )


def open_described_job(document: JobDocument) -> DescribedJob:
    """Opens the job of a document whose calculator takes descriptions.

    Raises:
        ConfigurationError: The candidates have no description, or the calculator cannot be opened.
    """
    space = opened_space(document.space, document.base_path)
    calculator = None if document.calculator is None else opened_calculator(document.calculator, document.base_path)
    if not isinstance(space, DescribedSpace) or not isinstance(calculator, DescribedCalculator):
        raise ConfigurationError(f"calculator: candidates of a {document.space.type} space have no parameters for a function")
    return DescribedJob(space, calculator, document.candidate, document.objective)
