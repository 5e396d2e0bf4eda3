"""Files and texts as plain data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet


def plain(text: str) -> Any:
    """A text as data where it is JSON, else its lines."""
    try:
        return json.loads(text)
    except ValueError:
        return text.splitlines()


def plain_file(path: Path) -> Any:
    return table_of(path) if path.suffix == ".parquet" else plain(path.read_text(encoding="utf-8"))


def table_of(path: Path) -> Any:
    """Rows and metadata of a Parquet file; texts that hold JSON are data."""
    if not path.exists():
        return None
    table = pyarrow.parquet.read_table(path)
    metadata = {key.decode(): plain(value.decode()) for key, value in (table.schema.metadata or {}).items()}
    rows = [{key: _cell(value) for key, value in row.items()} for row in table.to_pylist()]
    types = {column.name: str(column.type) for column in table.schema}
    return {"metadata": metadata, "types": types, "rows": rows}


def _cell(value: Any) -> Any:
    if isinstance(value, str) and value.startswith("{"):
        return plain(value)
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
