"""What computes for calculator pair_potential: imported when it is first opened."""

from __future__ import annotations

import ase
from ase import Atoms
from ase.calculators.morse import MorsePotential

from tansaku_pair_potential.spec import PairPotentialSpec
from tansaku.calculators.engine import Engine
from tansaku.calculators.engines.ase_evaluation import evaluate_with_ase
from tansaku.calculators.engines.relaxation import check_axes, check_input
from tansaku.models.domain.ports import CalculationResult
from tansaku.models.domain.records import Provenance
from tansaku.models.domain.specs.calculators.contract import settings_of
from tansaku.models.domain.specs.relaxation import RelaxationSpec


class PairPotentialCalculator:
    """``Calculator`` on ASE's Morse potential. Holds no state."""

    def __init__(self, spec: PairPotentialSpec) -> None:
        self._spec = spec

    @property
    def provenance(self) -> Provenance:
        """Version of ASE, and every key that numbers depend on, the plug-in's version among them."""
        settings = settings_of(self._spec) | {"minimizer": "lbfgs"}
        return Provenance(code="pair_potential", code_version=ase.__version__, model="Morse", settings=settings)

    def evaluate(self, structure: Atoms, relaxation: RelaxationSpec | None = None) -> CalculationResult:
        """Computes a structure, relaxed if asked for."""
        check_input(structure)
        check_axes(structure, relaxation)
        spec = self._spec
        through = MorsePotential(epsilon=spec.depth, r0=spec.distance, rho0=3.8, rcut1=1.4, rcut2=1.7)
        return evaluate_with_ase(structure, relaxation, through, self.provenance)

    def close(self) -> None:
        """Nothing is held."""


ENGINE = Engine[PairPotentialSpec](open=lambda spec, *_: PairPotentialCalculator(spec))
