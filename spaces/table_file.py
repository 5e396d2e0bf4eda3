"""Columns of a CSV or Parquet file, read losslessly and with errors that name key, column and value."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.identifiers import check_unchanged, file_sha256
from tansaku.models.domain.pool import FloatArray
from tansaku.models.domain.spreadsheet import separator_of, text_of
from tansaku.models.domain.units import Unit, convert

MISSING_WORDS = ("", "nan", "na", "n/a", "null", "none")
"""Words that a CSV may write, in any case, where a number is missing."""

_OF_TEXT = "of text, its group says `categories: one_hot`, or lists the categories in their order"

_BLOCK = 1 << 20
_MOST_COLUMNS = 10_000

# A damaged page of a Parquet file is an OSError.
_DAMAGED = (pa.ArrowException, OSError)

TextArray = npt.NDArray[np.str_]


class TableFile:
    """A table on disk.

    CSV cells are read as text, so that an id such as ``007`` stays unchanged; they are converted to numbers only on request.
    Where semicolons separate them, numbers may have decimal commas.

    Args:
        path: CSV or Parquet file.
        key: Key of the spec that names the file, for messages.
        sha256: Expected content hash, None when any content will do.

    Raises:
        ConfigurationError: The file is missing, of an unknown kind, unreadable, or not the expected one.
    """

    def __init__(self, path: Path, key: str, sha256: str | None = None) -> None:
        self.path = path
        self.key = key
        if not path.is_file():
            raise ConfigurationError(f"{key}: no file {str(path)!r}; expected a CSV or Parquet table")
        if path.suffix.lower() not in (".csv", ".parquet", ".pq"):
            raise ConfigurationError(f"{key}: {path.name!r} has an unknown ending; expected .csv or .parquet")
        check_unchanged(path, sha256, key)
        self.names = self._read_names()
        if len(self.names) > _MOST_COLUMNS:
            raise ConfigurationError(
                f"{key}: {path.name!r} has {len(self.names):,} columns; expected at most {_MOST_COLUMNS:,}"
            )
        twice = sorted(name for name, count in Counter(self.names).items() if count > 1)
        if twice:
            raise ConfigurationError(f"{key}: {path.name!r} has two columns named {twice[0]!r}")

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of the file, as 64 hex digits."""
        return file_sha256(self.path)

    def _read_names(self) -> list[str]:
        try:
            if self.path.suffix.lower() == ".csv":
                return [text_of(heading) for heading in self._headings()]
            return list(pyarrow.parquet.read_schema(self.path).names)
        except (*_DAMAGED, UnicodeDecodeError, csv.Error) as error:
            raise ConfigurationError(f"{self.key}: cannot read {self.path.name!r}: {error}") from error

    def _headings(self) -> list[str]:
        """Names of a CSV file's columns, unchanged."""
        with self.path.open(encoding="utf-8-sig", newline="") as stream:
            return next(csv.reader(stream, delimiter=self.separator), [])

    @cached_property
    def separator(self) -> str:
        """Sign between the cells of a CSV file; a comma for other files."""
        if self.path.suffix.lower() != ".csv":
            return ","
        with self.path.open(encoding="utf-8-sig", errors="replace") as stream:
            return separator_of(stream.readline(_BLOCK))

    def rows(self, most: int) -> int:
        """Number of lines below the header, counted without reading them into memory.

        Args:
            most: Count no further than one more than this.
        """
        if self.path.suffix.lower() != ".csv":
            return int(pyarrow.parquet.read_metadata(self.path).num_rows)
        count = 0
        with self.path.open("rb") as stream:
            while (block := stream.read(_BLOCK)) and count <= most + 1:
                count += block.count(b"\n")
        return count

    def read(self, names: Sequence[str]) -> TableColumns:
        """Reads columns.

        Args:
            names: Their names; :meth:`require` has seen them.
        """
        wanted = list(dict.fromkeys(names))
        try:
            if self.path.suffix.lower() == ".csv":
                headings = dict(zip(self.names, self._headings(), strict=True))
                options = pyarrow.csv.ConvertOptions(
                    column_types=dict.fromkeys(headings.values(), pa.string()),
                    include_columns=[headings[name] for name in wanted],
                    strings_can_be_null=False,
                )
                parse = pyarrow.csv.ParseOptions(delimiter=self.separator)
                columns = pyarrow.csv.read_csv(self.path, parse_options=parse, convert_options=options).columns
                table = pa.table([_texts(column) for column in columns], names=wanted)
            else:
                table = pyarrow.parquet.read_table(self.path, columns=wanted)
        except (*_DAMAGED, UnicodeDecodeError) as error:
            raise ConfigurationError(f"{self.key}: cannot read {self.path.name!r}: {error}") from error
        if table.num_rows == 0:
            raise ConfigurationError(f"{self.key}: {self.path.name!r} has no rows")
        return TableColumns(self, table)

    def require(self, name: str, key: str) -> str:
        """Returns ``name`` if it is a column.

        Raises:
            ConfigurationError: It is not.
        """
        if name not in self.names:
            raise ConfigurationError(f"{key}: {self.path.name!r} has no column {name!r}; it has {_listing(self.names)}")
        return name

    def matching(self, columns: Sequence[str] | str, key: str, *, reserved: Sequence[str]) -> tuple[str, ...]:
        """Column names that a list names, or that a shell-style pattern matches, in the file's order.

        Args:
            key: Key of the spec, for messages.
            reserved: Columns that a pattern never matches (ids, keys, the objective).

        Raises:
            ConfigurationError: A named column is missing or named twice, or nothing matches.
        """
        if isinstance(columns, str):
            found = tuple(name for name in self.names if fnmatchcase(name, columns) and name not in reserved)
            if not found:
                raise ConfigurationError(
                    f"{key}: no column of {self.path.name!r} matches {columns!r}; it has {_listing(self.names)}"
                )
            return found
        if len(set(columns)) != len(columns) or not columns:
            raise ConfigurationError(f"{key}: {list(columns)}; expected at least one column, and each once")
        return tuple(self.require(name, key) for name in columns)


def in_unit(values: FloatArray, unit: Unit, to: Unit) -> FloatArray:
    """Converts a column between units of one kind, NaN where it is empty, shape ``(n_rows,)``.

    Raises:
        ValueError: The units are of different kinds.
    """
    if not convert(0.0, unit, to):
        return values * convert(1.0, unit, to)
    # Temperatures: their scales begin at different points.
    return np.array([convert(value, unit, to) if np.isfinite(value) else value for value in values.tolist()])


class TableColumns:
    """Columns in memory."""

    def __init__(self, file: TableFile, table: pa.Table) -> None:
        self._file = file
        self._table = table

    def __len__(self) -> int:
        return int(self._table.num_rows)

    def text(self, name: str, key: str, *, fractions: bool = True, empty_cells: bool = False) -> TextArray:
        """A column as labels, integers written out without loss, shape ``(n_rows,)``.

        Args:
            key: Key of the spec, for messages.
            fractions: Whether numbers with a fraction may be labels (they may not be ids).
            empty_cells: Whether cells may be empty; else that is an error.

        Raises:
            ConfigurationError: A cell is empty or the column holds something else than text and numbers.
        """
        column = self._plain(name)
        kind = column.type
        if empty_cells:
            column = pc.fill_null(pc.cast(column, pa.string()), "")
            kind = column.type
        if column.null_count:
            raise ConfigurationError(f"{key}: row {self._first(pc.is_null(column))} of column {name!r} is empty")
        floating = pa.types.is_floating(kind)
        if not (_is_text(kind) or pa.types.is_integer(kind) or (floating and fractions)):
            expected = "text or numbers" if fractions else "text or integers"
            raise ConfigurationError(f"{key}: column {name!r} holds {kind}, expected {expected}")
        labels = column if _is_text(kind) else pc.cast(column, pa.string())
        empty = pc.equal(labels, "")
        if pc.any(empty).as_py() and not empty_cells:
            raise ConfigurationError(f"{key}: row {self._first(empty)} of column {name!r} is empty")
        return np.asarray(labels.to_numpy(zero_copy_only=False), dtype=np.str_)

    def numbers(self, name: str, key: str) -> FloatArray:
        """A column as floats, NaN where it is empty, shape ``(n_rows,)``.

        Raises:
            ConfigurationError: A cell is not a number.
        """
        column = self._plain(name)
        if _is_text(column.type):
            stripped = pc.utf8_trim_whitespace(column)
            if self._file.separator == ";":
                self._refuse_points(stripped, name, key)
                stripped = pc.replace_substring(stripped, ",", ".")
            missing = pc.is_in(pc.utf8_lower(stripped), value_set=pa.array(MISSING_WORDS))
            column = pc.if_else(missing, pa.scalar(None, pa.string()), stripped)
        elif not (pa.types.is_floating(column.type) or pa.types.is_integer(column.type) or pa.types.is_null(column.type)):
            raise ConfigurationError(f"{key}: column {name!r} holds {column.type}, expected numbers")
        try:
            # Features may lose digits of integers above 2**53, which is harmless; ids are not read here.
            numbers = pc.cast(column, pa.float64(), safe=_is_text(column.type))
        except pa.ArrowInvalid as error:
            row, cell = _first_bad_number(column.to_pylist())
            raise ConfigurationError(
                f"{key}: row {row} of column {name!r} is {cell!r}, expected a number",
                hint=_OF_TEXT if key.startswith("space.features.") else None,
            ) from error
        return np.asarray(pc.fill_null(numbers, float("nan")).to_numpy(zero_copy_only=False), dtype=np.float64)

    def _refuse_points(self, cells: pa.ChunkedArray, name: str, key: str) -> None:
        """Raises ConfigurationError for a decimal point in a column of decimal commas: it may separate thousands."""
        pointed = pc.match_substring(cells, ".")
        if pc.any(pc.match_substring(cells, ",")).as_py() and pc.any(pointed).as_py():
            row = self._first(pointed)
            cell = cells[row - 1].as_py()
            raise ConfigurationError(f"{key}: row {row} of column {name!r} is {cell!r} beside decimal commas; expected a comma")

    def categories(self, name: str, key: str) -> TextArray:
        """A column of text, integers, or true and false (as ``true`` and ``false``), shape ``(n_rows,)``.

        Raises:
            ConfigurationError: As :meth:`text`.
        """
        column = self._plain(name)
        if not pa.types.is_boolean(column.type):
            labels = np.char.strip(self.text(name, key))
            lower = np.char.lower(labels)
            return lower if set(lower.tolist()) <= {"true", "false"} else labels
        if column.null_count:
            raise ConfigurationError(f"{key}: row {self._first(pc.is_null(column))} of column {name!r} is empty")
        return np.where(column.to_numpy(zero_copy_only=False).astype(bool), "true", "false")

    def extended(self, rows: Sequence[Mapping[str, str | float]]) -> TableColumns:
        """The columns with further rows below; a cell that a row lacks is empty."""
        if not rows:
            return self
        fields = {}
        for field in self._table.schema:
            cells = [row.get(field.name) for row in rows]
            kind = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
            if _is_text(kind):
                cells = ["" if cell is None else _written(cell) for cell in cells]
            elif pa.types.is_boolean(kind):
                cells = [None if cell is None else str(cell).lower() == "true" for cell in cells]
            elif not pa.types.is_null(kind):
                kind = pa.float64()
                cells = [None if cell is None else float(cell) for cell in cells]
            fields[field.name] = pa.array(cells, type=kind)
        plain = pa.table({name: self._plain(name) for name in self._table.column_names})
        return TableColumns(self._file, pa.concat_tables([plain, pa.table(fields)], promote_options="permissive"))

    def completed(self, ids: TextArray, numbers: Mapping[str, Mapping[str, float]], key: str) -> TableColumns:
        """The columns with numbers in some cells.

        Args:
            ids: Of the rows, (n_rows,).
            numbers: By id and column.
            key: Key of the spec, for messages.

        Raises:
            ConfigurationError: An id or a column is missing, or a cell of a column that gets a number is not a number.
        """
        place, table = {str(label): row for row, label in enumerate(ids)}, self._table
        strangers = [label for label in numbers if label not in place]
        if strangers:
            raise ConfigurationError(f"{key}: a number of {strangers[0]!r}, but there is no such candidate")
        for name in sorted({column for own in numbers.values() for column in own}):
            if name not in table.column_names:
                raise ConfigurationError(f"{key}: a number of column {name!r}, but there is no such column")
            cells = self.numbers(name, key).copy()
            for label, own in numbers.items():
                if name in own:
                    cells[place[label]] = own[name]
            table = table.set_column(table.column_names.index(name), name, pa.array(cells))
        return TableColumns(self._file, table)

    def is_text(self, name: str) -> bool:
        """Returns whether a column holds text (as every CSV column does)."""
        return _is_text(self._plain(name).type)

    def _plain(self, name: str) -> pa.Array:
        column = self._table.column(name).combine_chunks()
        return column.dictionary_decode() if pa.types.is_dictionary(column.type) else column

    @staticmethod
    def _first(mask: pa.Array) -> int:
        """Number of the first marked row, counted from 1 below the header."""
        return int(np.flatnonzero(mask.to_numpy(zero_copy_only=False))[0]) + 1


def _written(cell: str | float) -> str:
    """A cell as in a CSV file; whole numbers without a decimal point, because they may be labels."""
    return (
        repr(int(cell) if isinstance(cell, float) and cell.is_integer() and abs(cell) < 2**53 else cell)
        if isinstance(cell, float | int)
        else cell
    )


def _texts(column: pa.ChunkedArray) -> pa.ChunkedArray | pa.Array:
    """The cells of a CSV, without the apostrophe that keeps a spreadsheet program from evaluating some of them."""
    if not pc.any(pc.starts_with(column, "'")).as_py():
        return column
    return pa.array([text_of(cell) for cell in column.to_pylist()], type=pa.string())


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _first_bad_number(cells: list[str | None]) -> tuple[int, str]:
    for row, cell in enumerate(cells, start=1):
        try:
            float(cell or 0.0)
        except ValueError:
            return row, str(cell)
    return 0, ""


def _listing(names: Sequence[str], most: int = 12) -> str:
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
