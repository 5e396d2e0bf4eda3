"""The cell in which a grain boundary is computed."""

from __future__ import annotations

import itertools
from collections.abc import Collection
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import Field, model_validator

from tansaku.models.domain.specs.base import NonNegativeFloat, PositiveFloat, Spec

if TYPE_CHECKING:
    from tansaku.models.domain.specs.calculators.contract import CalculatorBase

SlabThickness = Annotated[float, Field(gt=0, le=1000)]


class PeriodicCellSpec(Spec):
    """A periodic cell with two equal boundaries.

    Attributes:
        boundaries: Boundaries in the cell.
        polish: Thickness of the grains [Å] with which the final relaxation is repeated, at least ``space.spacing``; grains that
            are thicker than ``space.spacing``, because they are whole repeats of the stacking, get thicker in the same ratio.
            0: it is not repeated. null: twice ``space.spacing``, filled in when a file is loaded; not repeated with
            density-functional theory and in campaigns that were stored before this key.
    """

    boundaries: Literal[2] = 2
    polish: NonNegativeFloat | None = None

    @property
    def thicknesses(self) -> tuple[float, ...]:
        """Thicknesses of the grains with which the final relaxation is repeated [Å]."""
        return (self.polish,) if self.polish else ()

    def thickest(self, spacing: float) -> float:
        """Thickness of the crystal that relaxes with one boundary, at most [Å]."""
        return max(spacing, *self.thicknesses, 0.0)

    def check_spacing(self, spacing: float, _usual: float) -> None:
        """Raises ValueError for grains that are thinner than those of the search."""
        if self.polish and self.polish < spacing:
            raise ValueError(f"cell.polish: {self.polish:g}; expected 0, or {spacing:g} (spacing) or more")

    def check_use(self, calculator: CalculatorBase | None, _learned: Collection[str]) -> None:
        """Raises ValueError for a calculator whose bulk crystal would need the k-points of the thicker cell."""
        if self.polish and calculator is not None and calculator.facts.dft:
            raise ValueError(
                f"space.cell.polish: {self.polish:g}; with density-functional theory the final relaxation is not repeated with "
                "thicker grains, expected 0 or null"
            )


class BlockCellSpec(Spec):
    """A cell with one boundary: two slabs that relax, each on a block of perfect crystal that moves only as a whole.

    Attributes:
        boundaries: Boundaries in the cell.
        blocks: How the blocks move: each as a rigid body.
        relaxed: Thickness of each slab [Å], at least.
        reach: How far an atom's energy depends on other atoms [Å], at most: the potential's cutoff. A block is twice as thick.
        polish: Thicknesses of the slabs [Å], rising, with which the final relaxation is repeated; []: it is not repeated.
    """

    boundaries: Literal[1]
    blocks: Literal["rigid"] = "rigid"
    relaxed: SlabThickness = 14.0
    reach: SlabThickness = 7.0
    polish: tuple[PositiveFloat, ...] = (20.0, 30.0)

    @property
    def thicknesses(self) -> tuple[float, ...]:
        """Thicknesses of the slabs with which the final relaxation is repeated [Å]."""
        return self.polish

    def thickest(self, _spacing: float) -> float:
        """Thickness of both slabs together, at most [Å]."""
        return 2.0 * max(self.relaxed, *self.polish, 0.0)

    @model_validator(mode="after")
    def _slabs_get_thicker(self) -> Self:
        if any(thick <= thin for thin, thick in itertools.pairwise((self.relaxed, *self.polish))):
            raise ValueError(
                f"polish: {list(self.polish)}; expected thicknesses above {self.relaxed:g} (relaxed) that rise, or []"
            )
        return self

    def check_spacing(self, spacing: float, usual: float) -> None:
        """Raises ValueError for a spacing, which only a cell with two boundaries has."""
        if spacing != usual:
            raise ValueError(f"spacing: {spacing:g}; a cell with one boundary has none, expected cell.relaxed")

    def check_use(self, calculator: CalculatorBase | None, learned: Collection[str]) -> None:
        """Raises ValueError for calculators and learning that a boundary between rigid blocks does not allow.

        Args:
            calculator: What computes it; None: nothing.
            learned: Keys of the campaign that learn from whole structures.
        """
        where = "space.cell.boundaries: 1"
        for key in learned:
            raise ValueError(
                f"{key}: not with {where}, because free surfaces of the blocks would count; remove it, or choose boundaries: 2"
            )
        if calculator is None or calculator.facts.manual:
            return
        facts, cell = calculator.facts, calculator.relaxation.cell
        if facts.dft or not (facts.atomic_energies or facts.conforms):
            raise ValueError(
                f"{where}; a calculator of type {calculator.type} gives no energies of atoms, expected 2 boundaries"
            )
        if cell != "fixed":
            raise ValueError(
                f"calculator.relaxation.cell: {cell}; with {where} the blocks move along the normal themselves, expected fixed"
            )


BoundaryCellSpec = Annotated[PeriodicCellSpec | BlockCellSpec, Field(discriminator="boundaries")]
