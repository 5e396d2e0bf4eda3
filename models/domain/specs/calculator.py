"""Specs of calculators under one name. Each has its own module in :mod:`tansaku.models.domain.specs.calculators`."""

from __future__ import annotations

from tansaku.models.domain.specs.calculators.atomate2 import Atomate2Spec
from tansaku.models.domain.specs.calculators.chgnet import ChgnetSpec
from tansaku.models.domain.specs.calculators.contract import workflow_of
from tansaku.models.domain.specs.calculators.electronic import SmearingSpec
from tansaku.models.domain.specs.calculators.emt import EmtSpec
from tansaku.models.domain.specs.calculators.espresso import EspressoSpec
from tansaku.models.domain.specs.calculators.gpaw import GpawSpec
from tansaku.models.domain.specs.calculators.lammps import LammpsSpec
from tansaku.models.domain.specs.calculators.potential import PotentialCalculatorSpec
from tansaku.models.domain.specs.calculators.sevennet import SevennetSpec
from tansaku.models.domain.specs.calculators.surrogate import SurrogateCalculatorSpec
from tansaku.models.domain.specs.calculators.table import CalculatorSpec
from tansaku.models.domain.specs.calculators.vasp import VaspSpec
from tansaku.models.domain.specs.relaxation import RelaxationSpec
from tansaku.models.domain.specs.workflow import FormulaText, MigrationBarrierSpec

__all__ = [
    "Atomate2Spec",
    "CalculatorSpec",
    "ChgnetSpec",
    "EmtSpec",
    "EspressoSpec",
    "FormulaText",
    "GpawSpec",
    "LammpsSpec",
    "MigrationBarrierSpec",
    "PotentialCalculatorSpec",
    "RelaxationSpec",
    "SevennetSpec",
    "SmearingSpec",
    "SurrogateCalculatorSpec",
    "VaspSpec",
    "workflow_of",
]
