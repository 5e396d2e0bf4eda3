"""Parses a file that somebody uploaded, as far as its format goes: in the process with limits, before the library takes it."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping
from pathlib import Path

from tansaku.models.domain.errors import ConfigurationError, FieldError
from tansaku.models.domain.library import kind_of
from tansaku.models.domain.specs.base import FileKind
from tansaku.models.domain.specs.limits import LimitsSpec
from tansaku.models.domain.spreadsheet import separator_of

KEY = "content"


def parse_upload(path: Path, limits: LimitsSpec) -> None:
    """Parses a file by the ending of its name.

    Raises:
        ConfigurationError: It is no file of its kind.
        StoreError: It holds no weights of a model.
        MissingComponentError: The package that reads it is not installed.
    """
    kind = kind_of(path.name)
    if kind is None:
        raise FieldError("name", f"{path.name!r} has an unknown ending")
    _PARSERS[kind](path, limits)


def _table(path: Path, _: LimitsSpec) -> None:
    if path.suffix.lower() != ".csv":
        from tansaku.spaces.table_file import TableFile

        table = TableFile(path, KEY)
        table.read(table.names)
        return
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            heading = stream.readline()
            stream.seek(0)
            rows = csv.reader(stream, delimiter=separator_of(heading), strict=True)
            columns = len(next(rows, []))
            for row in rows:
                if len(row) > columns:
                    message = f"line {rows.line_num} has {len(row)} cells, but the heading names {columns} columns"
                    raise ConfigurationError(f"{KEY}: {message}")
    except (csv.Error, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{KEY}: {path.name!r} is no CSV table in UTF-8: {error}") from error


def _structures(path: Path, limits: LimitsSpec) -> None:
    from tansaku.calculators.structures.structure_reader import parse_structure_file

    parse_structure_file(path, limits, KEY)


def _potential(path: Path, _: LimitsSpec) -> None:
    from tansaku.calculators.engines.potentials import check_potential_file

    check_potential_file(path, KEY)


def _model(path: Path, _: LimitsSpec) -> None:
    from tansaku.models.surrogates.files import read_weights

    read_weights(path)


_PARSERS: Mapping[FileKind, Callable[[Path, LimitsSpec], None]] = {
    "table": _table,
    "structure": _structures,
    "potential": _potential,
    "model": _model,
}
