"""Effective-medium theory as ASE implements it: no extra package, slower, the cheap twin of every other engine.

Jacobsen, Stoltze, Nørskov, Surf. Sci. 366, 394 (1996), doi:10.1016/0039-6028(96)00816-3.
"""

from __future__ import annotations

import ase
import numpy as np
from ase import Atoms
from ase.calculators.emt import parameters

from tansaku.calculators.engine import Engine
from tansaku.calculators.engines.ase_evaluation import evaluate_with_ase
from tansaku.calculators.engines.emt_pairs import PairwiseEMT
from tansaku.calculators.engines.relaxation import check_axes, check_input
from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.ports import CalculationResult
from tansaku.models.domain.records import Provenance
from tansaku.models.domain.specs.calculators.emt import EmtSpec
from tansaku.models.domain.specs.relaxation import RelaxationSpec


def known_elements() -> frozenset[str]:
    """Elements in ASE's parameter table."""
    return frozenset(parameters)


class EmtCalculator:
    """``Calculator`` on ASE's EMT; relaxes with L-BFGS. Holds no state."""

    @property
    def provenance(self) -> Provenance:
        """Version of ASE."""
        return Provenance(code="ase-emt", code_version=ase.__version__, model="EMT", settings={"minimizer": "lbfgs"})

    def evaluate(self, structure: Atoms, relaxation: RelaxationSpec | None = None) -> CalculationResult:
        """Computes a structure, relaxed if asked for, as a ``Calculator``."""
        check_input(structure)
        check_axes(structure, relaxation)
        unknown = set(structure.get_chemical_symbols()) - set(parameters)
        if unknown:
            raise ConfigurationError(f"calculator type emt has no {min(unknown)}; it describes {', '.join(sorted(parameters))}")
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            return evaluate_with_ase(structure, relaxation, PairwiseEMT(), self.provenance)

    def close(self) -> None:
        """Nothing to release."""


ENGINE = Engine[EmtSpec](open=lambda *_: EmtCalculator(), elements=lambda *_: known_elements())
