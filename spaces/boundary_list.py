"""Boundaries that a table lists, one in a row."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from tansaku.calculators.structures.crystal import Vector, cross, dot, reduced
from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.specs.grain_boundary import GeneralBoundarySpec, GrainBoundarySpaceSpec
from tansaku.models.domain.specs.limits import LimitsSpec, check_limit
from tansaku.spaces.table_file import TableFile

LIST_KEY = "space.boundaries.list"
"""Key of a table of boundaries, for messages."""

_ROTATED = ("axis", "sigma", "plane"), ("angle", "kind", "ratio", "max_strain")
_TURNED = ("axis", "angle", "plane"), ("kind", "ratio", "max_strain")
_PAIRED = ("plane_1", "plane_2", "direction_1", "direction_2"), ("max_strain",)
_GRAINS = tuple(tuple(tuple(f"{grain}{row}{i}" for i in (1, 2, 3)) for row in (1, 2, 3)) for grain in "LR")
"""Columns of the axes of the lower and the upper grain, as in the list of Olmsted, Foiles and Holm 2009
(doi:10.1016/j.actamat.2009.04.007): three rows for each, of which the first is the normal of the boundary."""

_ORIENTED = tuple(name for grain in _GRAINS for row in grain for name in row), ()
_KINDS = (_ROTATED, _TURNED, _PAIRED, _ORIENTED)

_EXPECTED = {
    "sigma": "a whole number from 3 to 9999",
    "angle": "a number above 0 and up to 180, or nothing",
    "kind": "twist, tilt, mixed or nothing",
    "max_strain": "a number from 0 to 0.02, or nothing",
}

_THREE = "three whole numbers with spaces between them, such as 1 -1 0"
_FOUR = "four whole numbers with spaces between them, such as 1 0 -1 2"
_WHOLE = re.compile(r"[+-]?\d{1,9}")

_Cells = Mapping[str, str]
_Fail = Callable[[str, str], ConfigurationError]
"""Makes an error from a column and what was expected there."""


@dataclass(frozen=True)
class RowIndices:
    """Indices that the rows of a table have.

    Attributes:
        crystal: Name of the crystal, for messages.
        axial: Whether it has a main axis, or is not known to be cubic.
        four: Whether directions and planes have four indices.
    """

    crystal: str
    axial: bool = False
    four: bool = False


def with_listed(spec: GrainBoundarySpaceSpec, base_path: Path, limits: LimitsSpec | None) -> GrainBoundarySpaceSpec:
    """The spec with the boundaries of its table; arguments and errors as of :func:`listed`."""
    given, crystal = spec.boundaries, spec.crystal
    if given.list is None:
        return spec
    indices = RowIndices(crystal.structure, crystal.axial, crystal.hexagonal)
    boundaries = listed(base_path / given.list, given.sha256, indices, limits)
    return spec.model_copy(update={"boundaries": given.model_copy(update={"general": boundaries})})


def listed(path: Path, sha256: str | None, indices: RowIndices, limits: LimitsSpec | None) -> tuple[GeneralBoundarySpec, ...]:
    """The boundaries of a table.

    Args:
        sha256: Content hash that the table must have; None: any.
        indices: Those of its rows.
        limits: Limits for the spec; None: it was checked before.

    Raises:
        ConfigurationError: The table is missing, is not the one that was hashed, or a cell of it is wrong.
    """
    file = TableFile(path, LIST_KEY, sha256)
    check_limit(limits, "surfaces", max(0, file.rows(1_000_000) - 1), f"{LIST_KEY}: boundaries")
    names = _columns(file)
    columns = file.read(names)
    texts = [columns.text(name, LIST_KEY, empty_cells=True).tolist() for name in names]
    rows = [dict(zip(names, (cell.strip() for cell in row), strict=True)) for row in zip(*texts, strict=True)]
    return tuple(_boundary(cells, number, indices) for number, cells in enumerate(rows, start=1))


def _columns(file: TableFile) -> tuple[str, ...]:
    """Columns that give the boundaries. Raises ConfigurationError unless they are those of one kind."""
    there = [kind for kind in _KINDS if set(kind[0]) <= set(file.names)]
    if _ROTATED in there and _TURNED in there:
        there.remove(_TURNED)  # the other one reads its angles too
    if len(there) != 1:
        needed = f"axis, sigma or angle, and plane; or {', '.join(_PAIRED[0])}; or L11 to L33 and R11 to R33"
        here = f"the columns {', '.join(file.names[:20])}" if any(file.names) else "no columns"
        raise ConfigurationError(f"{LIST_KEY}: {file.path.name!r} has {here}; expected those of one kind: {needed}")
    required, optional = there[0]
    return (*required, *(name for name in optional if name in file.names))


def _boundary(cells: _Cells, number: int, indices: RowIndices) -> GeneralBoundarySpec:
    """The boundary of a row. Raises ConfigurationError for the first cell that is wrong."""

    def fail(column: str, expected: str) -> ConfigurationError:
        return ConfigurationError(f"{LIST_KEY}: row {number}, column {column!r}: {cells[column]!r}; expected {expected}")

    if "L11" in cells:
        if indices.axial:
            raise ConfigurationError(f"{LIST_KEY}: columns L11 to R33 are those of cubic crystals, not of {indices.crystal}")
        return _oriented(cells, fail)
    keys: dict[str, object] = {name: cells[name] for name in _EXPECTED if cells.get(name)}
    four = indices.four
    if "axis" in cells:
        keys |= {name: _indices(cells, name, fail, four=four) for name in ("axis", "plane")}
        if cells.get("ratio"):
            keys["ratio"] = _ratio(cells["ratio"], indices, fail)
        if not {"sigma", "angle"} & keys.keys():
            column = "sigma" if "sigma" in cells else "angle"
            raise fail(column, _EXPECTED[column].removesuffix(", or nothing"))
    else:
        for name in ("plane", "direction"):
            keys[f"{name}s"] = [_indices(cells, f"{name}_{i}", fail, four=four) for i in (1, 2)]
    try:
        return GeneralBoundarySpec.model_validate(keys)
    except ValidationError as error:
        column = str(error.errors()[0]["loc"][0])
        raise fail(column, _EXPECTED[column]) from error


def _ratio(text: str, indices: RowIndices, fail: _Fail) -> list[int]:
    """C²/a² of a row."""
    parts = text.split()
    if not indices.axial:
        raise fail("ratio", f"nothing: a crystal of structure {indices.crystal} has none")
    if len(parts) != len("ca") or not all(_WHOLE.fullmatch(part) and int(part) > 0 for part in parts):
        raise fail("ratio", "two whole numbers above 0 with a space between them, such as 8 3")
    return [int(part) for part in parts]


def _oriented(cells: _Cells, fail: _Fail) -> GeneralBoundarySpec:
    """The boundary of a row with the axes of both grains."""
    planes, directions = [], []
    for grain in _GRAINS:
        normal, along, across = (_vector(cells, row, fail) for row in grain)
        third = cross(normal, along)
        if dot(normal, along):
            raise fail(grain[1][0], f"row {grain[1][0][:2]} to be perpendicular to row {grain[0][0][:2]}")
        if any(cross(third, across)) or dot(third, across) < 0:
            raise fail(grain[2][0], f"row {grain[2][0][:2]} along {list(reduced(third))}, so that the axes are right-handed")
        planes.append(normal)
        directions.append(along)
    return GeneralBoundarySpec(planes=(planes[0], planes[1]), directions=(directions[0], directions[1]))


def _vector(cells: _Cells, names: Sequence[str], fail: _Fail) -> Vector:
    for name in names:
        if not _WHOLE.fullmatch(cells[name]):
            raise fail(name, "a whole number")
    x, y, z = (int(cells[name]) for name in names)
    if not (x or y or z):
        raise fail(names[0], f"{names[0]}, {names[1]} and {names[2]} not all to be zero")
    return x, y, z


def _indices(cells: _Cells, name: str, fail: _Fail, *, four: bool) -> tuple[int, ...]:
    parts = cells[name].split()
    if len(parts) != (4 if four else 3) or not all(_WHOLE.fullmatch(part) for part in parts):
        raise fail(name, _FOUR if four else _THREE)
    found = tuple(map(int, parts))
    if not any(found):
        raise fail(name, "indices that are not all zero")
    if four and found[0] + found[1] + found[2]:
        raise fail(name, "indices of which the first three add up to 0")
    return found
