"""The crystals that boundaries are made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from tansaku.calculators.structures.crystal import CubicCrystal, Structure
from tansaku.calculators.structures.hexagonal import HexagonalCrystal
from tansaku.calculators.structures.uniaxial import UniaxialCrystal, UniaxialStructure

AxialCrystal = HexagonalCrystal | UniaxialCrystal
"""Crystals with a main axis and two lattice parameters, a and c."""

Crystal = CubicCrystal | AxialCrystal


def crystal_of(structure: str, element: str, parameters: float | Sequence[float]) -> Crystal:
    """A crystal.

    Args:
        structure: ``fcc``, ``bcc``, ``diamond``, ``hcp``, ``bct`` or ``rhombohedral``.
        element: Chemical symbol.
        parameters: Edge of the cubic cell, or a and c of another one [Å].
    """
    if structure in ("hcp", "bct", "rhombohedral"):
        a, c = cast("Sequence[float]", parameters)
        if structure == "hcp":
            return HexagonalCrystal(element, float(a), float(c))
        return UniaxialCrystal(cast("UniaxialStructure", structure), element, float(a), float(c))
    return CubicCrystal(cast("Structure", structure), element, float(cast("float", parameters)))
