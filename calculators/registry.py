"""Calculator spec to calculator. Engines are imported when first asked for."""

from __future__ import annotations

from pathlib import Path

from tansaku.models.domain.ports import Calculator
from tansaku.models.domain.specs.calculator import CalculatorSpec, ChgnetSpec, LammpsSpec, SevennetSpec


def open_calculator(spec: CalculatorSpec, base_path: Path) -> Calculator:
    """Makes the calculator that a spec describes.

    Args:
        spec: The spec.
        base_path: Folder of the campaign file; relative paths start here.

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
    from tansaku.calculators.engines.emt import EmtCalculator

    return EmtCalculator()
