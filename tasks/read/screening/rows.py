"""Rows of a screen: one per boundary structure, stored as lines of JSON so that a killed screen can continue."""

from __future__ import annotations

import gzip
import json
import math
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

from pydantic import ValidationError

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.records import Record
from tansaku.tasks.ground.formats.csv_text import csv_of, texts_of

if TYPE_CHECKING:
    import pandas as pd

Boundary = tuple[tuple[int, int, int] | None, str]
"""Axis and system."""

_PLANES = ("axis", "plane", "upper_plane")

_EVERY = 25
_PREDICTED_BY, _COMPUTED_BY = "predicted_by", "computed_by"


class ScreenRow(Record):
    """A boundary structure, computed cheaply and predicted.

    Attributes:
        candidate: Its id in the space of its axis.
        axis: Tilt axis; None: not known, as of a boundary in any plane.
        system: The boundary.
        sigma: Σ; None: there is none, or it is not known.
        plane: Boundary plane.
        angle: Misorientation [degrees]; None: not known.
        removed_planes: Lattice planes removed at each boundary; None: not of a compound.
        atoms: Of the cell.
        predicted: Boundary energy by the model [mJ/m^2].
        deviation: Standard deviation of its error, as the model estimates it [mJ/m^2].
        computed: Boundary energy by the calculator that relaxed the structure [mJ/m^2].
        atom_deviation: Largest standard deviation of an atom's energy [eV]: large where surroundings are unlike all learned.
        structure: SHA-256 of the relaxed structure.
        upper_plane: Plane of the upper grain, where it is given; None: the same.
        corrected: ``predicted`` after the calibration by computed structures [mJ/m^2]; None: there is none.
        corrected_deviation: Standard deviation of its error, calibrated [mJ/m^2].
        label: Boundary energy by the calculator whose energies the model learned [mJ/m^2]; None: not computed.
    """

    candidate: str
    axis: tuple[int, int, int] | None
    system: str
    sigma: int | None
    plane: tuple[int, int, int]
    angle: float | None
    removed_planes: int | None
    atoms: int
    predicted: float
    deviation: float | None
    computed: float
    atom_deviation: float | None
    structure: str
    upper_plane: tuple[int, int, int] | None = None
    corrected: float | None = None
    corrected_deviation: float | None = None
    label: float | None = None

    @property
    def boundary(self) -> Boundary:
        """The boundary: an element's systems of different axes may share a name."""
        return self.axis, self.system


def boundary_name(row: ScreenRow) -> str:
    """A boundary as people know it: ``⟨110⟩ Σ11 (1 1 3)``; parts that are not known are left out."""
    planes = "/".join(f"({' '.join(map(str, plane))})" for plane in (row.plane, row.upper_plane) if plane is not None)
    return " ".join(filter(None, (family(row.axis), "" if row.sigma is None else f"Σ{row.sigma}", planes)))


def family(axis: tuple[int, int, int] | None) -> str:
    """The name that an axis and those equal to it by symmetry share: ``⟨110⟩``; empty where it is not known."""
    if axis is None:
        return ""
    sizes = [str(item) for item in sorted(map(abs, axis), reverse=True)]
    return f"⟨{(' ' if any(len(size) > 1 for size in sizes) else '').join(sizes)}⟩"


_Row = TypeVar("_Row", bound=Record)


class RowFile(Generic[_Row]):
    """Rows in a file of one line each, which only grows.

    Args:
        path: Its folder is made when the first row is written.
        kind: Class of its rows.
    """

    def __init__(self, path: Path, kind: type[_Row]) -> None:
        self._path = path
        self._kind = kind

    def read(self) -> list[_Row]:
        """Returns all complete rows; an incomplete last row, left by a kill, is cut off."""
        if not self._path.exists():
            return []
        data = self._path.read_bytes()
        whole = data[: data.rfind(b"\n") + 1]
        if len(whole) < len(data):
            os.truncate(self._path, len(whole))
        try:
            return [self._kind.model_validate(json.loads(line)) for line in whole.splitlines()]
        except (ValueError, ValidationError) as error:
            raise ConfigurationError(f"{self._path} does not contain rows of a screen: {error}", hint="remove it") from error

    def extend(self, rows: Iterable[_Row]) -> Iterator[_Row]:
        """Appends rows as they come, and yields them."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a", encoding="utf-8") as stream:
            for number, row in enumerate(rows, 1):
                stream.write(row.model_dump_json() + "\n")
                if number % _EVERY == 0:
                    stream.flush()
                    os.fsync(stream.fileno())
                yield row
            stream.flush()
            os.fsync(stream.fileno())


def ranked(rows: Iterable[ScreenRow]) -> list[ScreenRow]:
    """Rows by rising predicted energy, equals by candidate."""
    return sorted(rows, key=lambda row: (row.predicted, row.axis or (), row.candidate))


def best_of_each(rows: Iterable[ScreenRow]) -> list[ScreenRow]:
    """The row of least predicted energy of each boundary, by rising energy."""
    found: dict[Boundary, ScreenRow] = {}
    for row in ranked(rows):
        found.setdefault(row.boundary, row)
    return list(found.values())


def lowest_labelled(rows: Iterable[ScreenRow]) -> list[ScreenRow]:
    """The computed row of least computed energy (``label``) of each boundary, by rising energy."""
    found: dict[Boundary, ScreenRow] = {}
    known = [(row.label, row) for row in rows if row.label is not None]
    for _, row in sorted(known, key=lambda pair: (pair[0], pair[1].candidate)):
        found.setdefault(row.boundary, row)
    return list(found.values())


def rank_correlation(rows: Sequence[ScreenRow]) -> float | None:
    """Spearman's, of predicted and computed boundary energies; None as :func:`spearman` says."""
    return spearman([row.predicted for row in rows], [row.computed for row in rows])


def spearman(first: Sequence[float], second: Sequence[float]) -> float | None:
    """Spearman's rank correlation of pairs; None where there are fewer than three or all of one side are equal."""
    from scipy.stats import spearmanr

    if len(first) < 3 or len(set(first)) == 1 or len(set(second)) == 1:
        return None
    return float(spearmanr(first, second).statistic)


def frame(rows: Iterable[ScreenRow], predicted_by: str, computed_by: str) -> pd.DataFrame:
    """Rows by rising predicted energy as a table.

    Args:
        predicted_by: The model, with its version.
        computed_by: Type of the calculator that relaxed the structures.
    """
    import pandas as pd

    data = []
    for rank, row in enumerate(ranked(rows), 1):
        cells = {"rank": rank, **row.model_dump()}
        for name in _PLANES:
            cells[name] = None if getattr(row, name) is None else " ".join(map(str, getattr(row, name)))
        data.append(cells | {_PREDICTED_BY: predicted_by, _COMPUTED_BY: computed_by})
    return pd.DataFrame(data, columns=["rank", *ScreenRow.model_fields, _PREDICTED_BY, _COMPUTED_BY])


def write_table(rows: Iterable[ScreenRow], path: Path, *, predicted_by: str, computed_by: str) -> Path:
    """Writes the table as CSV; a name that ends in ``.gz`` is compressed, the same rows being the same file.

    Args:
        predicted_by: The model, with its version.
        computed_by: Type of the calculator that relaxed the structures.

    Raises:
        ConfigurationError: The file cannot be written.
    """
    data = csv_of(frame(rows, predicted_by, computed_by).round(6)).encode()
    try:
        # Neither name nor time in the compressed file.
        path.write_bytes(gzip.compress(data, mtime=0) if path.suffix == ".gz" else data)
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be written: {error.strerror}") from error
    return path


def read_table(path: Path) -> list[ScreenRow]:
    """Reads what :func:`write_table` wrote.

    Raises:
        ConfigurationError: It is no such table.
    """
    import pandas as pd

    found = []
    try:
        table = texts_of(pd.read_csv(path, dtype={"structure": str, "candidate": str, "system": str}))
        for record in table.to_dict("records"):
            plain = {
                str(key): None if isinstance(value, float) and math.isnan(value) else value
                for key, value in record.items()
                if key not in ("rank", _PREDICTED_BY, _COMPUTED_BY)
            }
            for name in _PLANES:
                if plain.get(name) is not None:
                    plain[name] = tuple(int(part) for part in str(plain[name]).split())
            found.append(ScreenRow.model_validate(plain))
    except (OSError, KeyError, ValueError) as error:
        raise ConfigurationError(f"{path.name} is not a table of a screen: {error}") from error
    return found
