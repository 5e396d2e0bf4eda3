"""Boundaries of all crystals, and their stacks of planes."""

from __future__ import annotations

from tansaku.calculators.structures.coincidence import TiltBoundary
from tansaku.calculators.structures.crystal import CubicCrystal
from tansaku.calculators.structures.hexagonal import HexagonalBoundary, HexagonalCrystal
from tansaku.calculators.structures.hexagonal_stacking import hexagonal_stacking
from tansaku.calculators.structures.perfect_crystal import Crystal
from tansaku.calculators.structures.stacking import PlaneStack, stacking_of

Boundary = TiltBoundary | HexagonalBoundary


def stack_of(crystal: Crystal, boundary: Boundary) -> PlaneStack:
    """Derives the stack of planes of a boundary of the crystal."""
    if isinstance(crystal, CubicCrystal) and isinstance(boundary, TiltBoundary):
        return stacking_of(crystal, boundary)
    if isinstance(crystal, HexagonalCrystal) and isinstance(boundary, HexagonalBoundary):
        return hexagonal_stacking(crystal, boundary)
    raise AssertionError("a boundary is one of its crystal's")
