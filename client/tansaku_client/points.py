"""Points at which a model is asked: candidates, what describes others, and structures of ASE or pymatgen."""

from __future__ import annotations

import math
import reprlib
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError, model_validator

from tansaku_client.candidates import Candidate
from tansaku_client.errors import ConfigurationError

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
        ConfigurationError: A point is none.
    """
    rows: Any = points
    if hasattr(rows, "to_dict"):  # a frame, or a row of one
        rows = rows.to_dict("records") if hasattr(rows, "columns") else rows.to_dict()
    several = isinstance(rows, Iterable) and not isinstance(rows, str | bytes | Mapping) and _structure(rows) is None
    return [_point(item) for item in (rows if several else [rows])]


def _point(item: Any) -> str | dict[str, object] | StructurePoint:  # noqa: ANN401 - structures have no common type
    if isinstance(item, Candidate | str):
        return item if isinstance(item, str) else item.id
    found = _structure(item)
    if found is None and not isinstance(item, Mapping):
        raise ConfigurationError(f"points: {reprlib.repr(item)}; expected a mapping, a structure, or the id of a candidate")
    return found or plain_cells(item)


def _structure(value: Any) -> StructurePoint | None:  # noqa: ANN401 - of packages that need not be there
    """A structure, of ASE or pymatgen too; None for anything else."""
    if isinstance(value, StructurePoint):
        return value
    if hasattr(value, "get_chemical_symbols") and hasattr(value, "cell"):
        elements, positions, cell, info = value.get_chemical_symbols(), value.positions, value.cell[:], value.info
    elif hasattr(value, "lattice") and hasattr(value, "cart_coords"):
        if not getattr(value, "is_ordered", True):
            raise ConfigurationError(f"points: {value.formula} is disordered; expected one element on each site")
        elements, positions, cell = [site.specie.symbol for site in value], value.cart_coords, value.lattice.matrix
        info = getattr(value, "properties", None) or {}
    else:
        return None
    described = {name: cell for name, cell in plain_cells(info).items() if isinstance(cell, str | int | float)}
    try:
        return StructurePoint(elements=elements, positions=positions.tolist(), cell=cell.tolist(), info=described)
    except ValidationError as error:
        raise ConfigurationError(f"points: {reprlib.repr(value)} is no structure: {error.errors()[0]['msg']}") from error


def plain_cells(cells: Mapping[Any, Any]) -> dict[str, object]:
    """Cells as JSON has them: numbers of numpy become Python's, and what is missing is left out."""
    plain = {str(name): cell.item() if getattr(cell, "ndim", 1) == 0 else cell for name, cell in cells.items()}
    return {name: cell for name, cell in plain.items() if not (isinstance(cell, float) and math.isnan(cell))}
