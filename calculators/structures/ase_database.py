"""Structures from an ASE database in one SQLite file, opened for reading only."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.specs.limits import LimitsSpec, check_limit

if TYPE_CHECKING:
    from ase import Atoms


_HIDDEN = "select name, hidden from pragma_table_xinfo(?)"
"""Columns of a table; those that are computed when they are read, or belong to a virtual table, are hidden ones."""


def database_structures(
    path: Path, limits: LimitsSpec | None, key: str
) -> Iterator[tuple[Atoms, Mapping[str, object], str | None]]:
    """The structures of a database in order of their rows, with their key-value pairs.

    Args:
        path: The file.
        limits: Limits of its content; None: it was checked before.
        key: Key of the spec that names it, for messages.

    Raises:
        ConfigurationError: It is no such database, or holds too much.
    """
    from ase.db import connect

    _check(path, limits, key)
    for row in connect(str(path), type="db", use_lock_file=False).select(sort="id"):
        yield row.toatoms(), {**row.key_value_pairs, "row": row.id}, f"{path.stem}-{row.id:06d}"


def _check(path: Path, limits: LimitsSpec | None, key: str) -> None:
    """Looks at the file without ASE, which would change an old database: tables, no views, and nothing that is computed."""
    try:
        with closing(sqlite3.connect(f"file:{quote(str(path.resolve()))}?mode=ro", uri=True)) as database:
            kinds = dict(database.execute("select name, type from sqlite_master where type in ('table', 'view', 'trigger')"))
            strange = sorted(name for name, kind in kinds.items() if kind != "table")
            if "systems" not in kinds or strange:
                what = f"it has a {kinds[strange[0]]}, {strange[0]!r}" if strange else "it has no table 'systems'"
                raise ConfigurationError(f"{key}: {path.name!r} is not an ASE database: {what}")
            made = [name for table in kinds for name, hidden in database.execute(_HIDDEN, (table,)) if hidden]
            if made:
                raise ConfigurationError(
                    f"{key}: {path.name!r} is not an ASE database: column {made[0]!r} is computed, not stored"
                )
            rows, most = database.execute("select count(*), max(natoms) from systems").fetchone()
    except sqlite3.Error as error:
        raise ConfigurationError(f"{key}: {path.name!r} is not an ASE database: {error}") from error
    check_limit(limits, "combinations", rows, f"{key}: rows of {path.name!r}")
    check_limit(limits, "atoms", most or 0, f"{key}: atoms of a structure of {path.name!r}")
