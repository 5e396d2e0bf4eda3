"""Computes a calculator's own lattice parameter in a separate process: ``python -m tansaku.tasks.node.jobs.own_crystal``.

Reads an :class:`OwnCrystalRequest` from its standard input, writes an :class:`OwnCrystalAnswer` to its standard output.
"""

from __future__ import annotations

import os
import resource
import sys

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.records import Record
from tansaku.models.domain.specs.base import PositiveInt
from tansaku.models.domain.specs.calculators.table import CalculatorSpec
from tansaku.models.domain.specs.commands import offer_commands
from tansaku.models.domain.specs.grain_boundary import CrystalSpec, LatticeParameter
from tansaku.tasks.ground.settings import given_commands


class OwnCrystalRequest(Record):
    """Request for a calculator's own crystal.

    Attributes:
        calculator: The calculator.
        crystal: Its crystal structure; ``auto``: the one nearest to the element's known density.
        base_path: Folder in which the calculator's relative paths start.
        seconds: Processor time that it may take [s].
    """

    calculator: CalculatorSpec
    crystal: CrystalSpec
    base_path: str
    seconds: PositiveInt


class OwnCrystalAnswer(Record):
    """Answer to the request.

    Attributes:
        lattice_parameter: The calculator's own [Å], a and c of a hexagonal crystal; None where it has no such crystal.
        given: The lattice parameter that it was looked for from [Å], in the same form.
        stress: Mean normal stress there, positive when pulled [GPa]; None where it is not known.
        error: Why there is no result.
        hint: How to fix it.
    """

    lattice_parameter: LatticeParameter | None = None
    given: LatticeParameter | None = None
    stress: float | None = None
    error: str | None = None
    hint: str | None = None


def answer(request: OwnCrystalRequest) -> OwnCrystalAnswer:
    """Answers a request. Raises the errors of opening the calculator."""
    from tansaku.tasks.node.jobs.opened import opened_own_crystal

    try:
        found = opened_own_crystal(request.calculator, request.base_path, request.crystal)
    except ConfigurationError as error:
        return OwnCrystalAnswer(error=error.message, hint=error.hint)
    return OwnCrystalAnswer(lattice_parameter=found.lattice_parameter, given=found.given, stress=found.stress)


def main(_arguments: list[str]) -> int:
    """Entry of the process; returns its exit code.

    The kernel ends the process when it has used its processor time, so that a slow calculator is detected by trying it,
    independently of the load of the machine.
    """
    offer_commands(given_commands())
    request = OwnCrystalRequest.model_validate_json(sys.stdin.read())
    resource.setrlimit(resource.RLIMIT_CPU, (request.seconds, request.seconds + 1))
    # Output of calculators must not be mixed with the answer.
    with os.fdopen(os.dup(1), "w") as stream:
        os.dup2(2, 1)
        stream.write(answer(request).model_dump_json())
    return 0


if __name__ == "__main__":
    sys.exit(main([]))
