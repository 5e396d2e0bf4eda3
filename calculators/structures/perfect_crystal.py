"""The crystals that boundaries are made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from tansaku.calculators.structures.crystal import CubicCrystal, Structure
from tansaku.calculators.structures.hexagonal import HexagonalCrystal

Crystal = CubicCrystal | HexagonalCrystal


def crystal_of(structure: str, element: str, parameters: float | Sequence[float]) -> Crystal:
    """A crystal.

    Args:
        structure: ``fcc``, ``bcc``, ``diamond`` or ``hcp``.
        element: Chemical symbol.
        parameters: Edge of the cubic cell, or a and c of the hexagonal one [Å].
    """
    if structure == "hcp":
        a, c = cast("Sequence[float]", parameters)
        return HexagonalCrystal(element, float(a), float(c))
    return CubicCrystal(cast("Structure", structure), element, float(cast("float", parameters)))
