"""A calculator that is cut off, for tests of checkpoints and of what costs no evaluation."""

from __future__ import annotations

import pytest
from ase import Atoms

from tansaku.calculators.engines.emt import EmtCalculator
from tansaku.models.domain.ports import CalculationResult
from tansaku.models.domain.specs.relaxation import RelaxationSpec


class Limited(EmtCalculator):
    """EMT that ends after some evaluations."""

    class PowerCut(BaseException):
        """The process is gone."""

    def __init__(self, evaluations: int) -> None:
        self._left = evaluations

    def evaluate(self, structure: Atoms, relaxation: RelaxationSpec | None = None) -> CalculationResult:
        if self._left == 0:
            raise self.PowerCut
        self._left -= 1
        return super().evaluate(structure, relaxation)


@pytest.fixture
def limited() -> type[Limited]:
    """``limited(evaluations)``: the calculator; ``limited.PowerCut``: how it ends."""
    return Limited
