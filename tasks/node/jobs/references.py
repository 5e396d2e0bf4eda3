"""Computes elements by a calculator in a separate process: ``python -m tansaku.tasks.node.jobs.references``.

Reads a :class:`ReferencesRequest` from its standard input, writes a :class:`ReferencesAnswer` to its standard output.
"""

from __future__ import annotations

import sys

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.records import Record
from tansaku.models.domain.specs.base import PositiveInt
from tansaku.models.domain.specs.calculators.table import CalculatorSpec
from tansaku.tasks.node.jobs.limited import answer_one


class ReferencesRequest(Record):
    """Request for energies of elements.

    Attributes:
        calculator: The calculator.
        elements: Their symbols.
        base_path: Folder in which the calculator's relative paths start.
        seconds: Processor time that it may take [s].
    """

    calculator: CalculatorSpec
    elements: tuple[str, ...]
    base_path: str
    seconds: PositiveInt


class ReferencesAnswer(Record):
    """Answer to the request.

    Attributes:
        energies: By element [eV/atom].
        error: Why there is no result.
        hint: How to fix it.
    """

    energies: dict[str, float] | None = None
    error: str | None = None
    hint: str | None = None


def answer(request: ReferencesRequest) -> ReferencesAnswer:
    """Answers a request. Raises the errors of opening the calculator."""
    from tansaku.calculators.workflows.references import reference_energy
    from tansaku.tasks.node.jobs.opened import opened_calculator

    calculator = opened_calculator(request.calculator, request.base_path)
    try:
        found = {element: reference_energy(calculator, element) for element in request.elements}
    except ConfigurationError as error:
        return ReferencesAnswer(error=error.message, hint=error.hint)
    return ReferencesAnswer(energies=found)


if __name__ == "__main__":
    sys.exit(answer_one(ReferencesRequest, answer))
