"""Calculator spec to calculator. Engines are imported when first asked for."""

from __future__ import annotations

from pathlib import Path

from tansaku.models.domain.ports import Calculator
from tansaku.models.domain.specs.calculator import (
    Atomate2Spec,
    CalculatorSpec,
    ChgnetSpec,
    EspressoSpec,
    GpawSpec,
    LammpsSpec,
    PotentialCalculatorSpec,
    SevennetSpec,
    SurrogateCalculatorSpec,
    VaspSpec,
)
from tansaku.models.domain.specs.parallel import SERIAL, ParallelSpec


def open_calculator(spec: CalculatorSpec, base_path: Path, parallel: ParallelSpec = SERIAL) -> Calculator:
    """Makes the calculator that a spec describes.

    Args:
        spec: The spec.
        base_path: Folder of the campaign file; relative paths start here.
        parallel: What a DFT code may use; the others compute in this process.

    Raises:
        ConfigurationError: The spec cannot be met, e.g. its potential is missing.
        MissingComponentError: The engine's package is not installed; says which extra brings it.
    """
    if isinstance(spec, LammpsSpec):
        from tansaku.calculators.engines.lammps import LammpsCalculator

        return LammpsCalculator(spec, base_path)
    if isinstance(spec, ChgnetSpec):
        from tansaku.calculators.engines.chgnet import open_chgnet

        return open_chgnet(spec)
    if isinstance(spec, SevennetSpec):
        from tansaku.calculators.engines.sevennet import open_sevennet

        return open_sevennet(spec)
    if isinstance(spec, GpawSpec):
        from tansaku.calculators.engines.gpaw import GpawCalculator

        return GpawCalculator(spec, parallel)
    if isinstance(spec, Atomate2Spec):
        from tansaku.calculators.engines.atomate2 import Atomate2Calculator

        return Atomate2Calculator(spec)
    if isinstance(spec, VaspSpec):
        from tansaku.calculators.engines.vasp import VaspCalculator
        from tansaku.calculators.engines.vasp_band import VtstCalculator

        return (VtstCalculator if spec.band == "vtst" else VaspCalculator)(spec, parallel)
    if isinstance(spec, PotentialCalculatorSpec):
        from tansaku.calculators.engines.network_potential import PotentialCalculator

        return PotentialCalculator(spec, base_path)
    if isinstance(spec, SurrogateCalculatorSpec):
        from tansaku.calculators.engines.surrogate import SurrogateCalculator

        return SurrogateCalculator(spec, base_path, open_calculator(spec.relaxed_by, base_path, parallel))
    if isinstance(spec, EspressoSpec):
        from tansaku.calculators.engines.espresso import EspressoCalculator

        return EspressoCalculator(spec, base_path, parallel)
    from tansaku.calculators.engines.emt import EmtCalculator

    return EmtCalculator()


def known_elements(spec: CalculatorSpec, base_path: Path) -> frozenset[str] | None:
    """Chemical symbols that a calculator can compute, as far as it can be told without computing.

    Args:
        spec: The spec.
        base_path: Folder of the campaign file; relative paths start here.

    Returns:
        None where nothing is known beforehand.

    Raises:
        ConfigurationError: A file that tells it is missing or damaged.
        MissingComponentError: The engine's package is not installed.
    """
    if isinstance(spec, EspressoSpec):
        return frozenset(spec.pseudopotentials)
    if isinstance(spec, VaspSpec):
        return frozenset(spec.potcars)
    if isinstance(spec, LammpsSpec):
        from tansaku.calculators.engines import potentials

        return potentials.known_elements(spec, base_path)
    if isinstance(spec, ChgnetSpec | Atomate2Spec):
        from tansaku.calculators.engines import chgnet

        return chgnet.known_elements()
    if isinstance(spec, SevennetSpec):
        from tansaku.calculators.engines import sevennet

        return sevennet.known_elements()
    if isinstance(spec, GpawSpec):
        from tansaku.calculators.engines.gpaw import find_setups

        return find_setups(spec.xc).elements
    if isinstance(spec, PotentialCalculatorSpec | SurrogateCalculatorSpec):
        from tansaku.calculators.engines import surrogate

        return surrogate.known_elements(spec, base_path)
    if spec.type == "emt":
        from tansaku.calculators.engines import emt

        return emt.known_elements()
    return None
