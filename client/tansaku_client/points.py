"""Points at which a model is asked: candidates, what describes others, and structures of ASE or pymatgen."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, model_validator

from tansaku_client.candidates import Candidate

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Protocol, TypeAlias

    import pandas as pd

    class Atoms(Protocol):
        """A structure of ASE."""

        def get_chemical_symbols(self) -> list[str]:
            """Elements of its atoms."""

    class Crystal(Protocol):
        """A structure of pymatgen."""

        @property
        def lattice(self) -> Any:  # noqa: ANN401 - a lattice of pymatgen
            """Its lattice."""

    Point: TypeAlias = "Candidate | str | Mapping[str, object] | Atoms | Crystal | StructurePoint"
    Points: TypeAlias = Point | Sequence[Point] | pd.DataFrame

Vector = tuple[FiniteFloat, FiniteFloat, FiniteFloat]


class StructurePoint(BaseModel):
    """A structure that need not be a candidate.

    Attributes:
        elements: Chemical symbols of the atoms.
        positions: Of the atoms [Å].
        cell: Its vectors [Å].
        info: Metadata that describe it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    elements: Annotated[tuple[Annotated[str, Field(max_length=3)], ...], Field(min_length=1, max_length=10_000)]
    positions: Annotated[tuple[Vector, ...], Field(max_length=10_000)]
    cell: tuple[Vector, Vector, Vector]
    info: Annotated[dict[str, str | float], Field(max_length=100)] = {}

    @model_validator(mode="after")
    def _a_position_for_each(self) -> StructurePoint:
        if len(self.elements) != len(self.positions):
            raise ValueError(f"positions: {len(self.positions)} of {len(self.elements)} atoms")
        return self


def points_of(points: Points) -> list[str | dict[str, object] | StructurePoint]:
    """Ids of candidates, the columns of other points, and structures.

    Raises:
        ValueError: A structure is not one.
    """
    rows: Any = points
    if _structure(rows) is None and not isinstance(rows, str | Mapping):
        return [_point(item) for item in (rows.to_dict("records") if hasattr(rows, "to_dict") else rows)]
    return [_point(rows)]


def _point(item: Any) -> str | dict[str, object] | StructurePoint:  # noqa: ANN401 - structures have no common type
    if isinstance(item, Candidate | str):
        return item if isinstance(item, str) else item.id
    return _structure(item) or plain_cells(item)


def _structure(value: Any) -> StructurePoint | None:  # noqa: ANN401 - of packages that need not be there
    """A structure, of ASE or pymatgen too; None for anything else."""
    if isinstance(value, StructurePoint):
        return value
    if hasattr(value, "get_chemical_symbols") and hasattr(value, "cell"):
        elements, positions, cell, info = value.get_chemical_symbols(), value.positions, value.cell[:], value.info
    elif hasattr(value, "lattice") and hasattr(value, "cart_coords"):
        elements, positions, cell = [site.specie.symbol for site in value], value.cart_coords, value.lattice.matrix
        info = getattr(value, "properties", None) or {}
    else:
        return None
    described = {name: cell for name, cell in plain_cells(info).items() if isinstance(cell, str | int | float)}
    return StructurePoint(elements=elements, positions=positions.tolist(), cell=cell.tolist(), info=described)


def plain_cells(cells: Mapping[Any, Any]) -> dict[str, object]:
    """Cells as JSON has them: numbers of numpy become Python's, and what is missing is left out."""
    plain = {str(name): cell.item() if getattr(cell, "ndim", 1) == 0 else cell for name, cell in cells.items()}
    return {name: cell for name, cell in plain.items() if not (isinstance(cell, float) and math.isnan(cell))}
