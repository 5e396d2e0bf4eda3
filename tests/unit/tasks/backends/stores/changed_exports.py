"""Exported files with something changed, and imports that must refuse them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tansaku.models.domain.errors import TansakuError
from tansaku.models.domain.records import LeaseOwner
from tansaku.tasks.act.commands.export_import import import_observations
from tansaku.tasks.backends.stores.file_artifacts import FileArtifactStore
from tansaku.tasks.backends.stores.memory import MemoryCampaignStore

ME = LeaseOwner(host="here", pid=7, process_started=1.0, user="eve")

Header = dict
Rows = list[dict]
Change = Callable[[Header, Rows], object]
Contents = Callable[[MemoryCampaignStore, Path], object]


def rewritten(source: Path, target: Path, change: Change) -> Path:
    table = pq.read_table(source)
    header = json.loads(table.schema.metadata[b"tansaku"])
    rows = [json.loads(text) for text in table.column("record").to_pylist()]
    structures = table.column("structure").to_pylist()
    change(header, rows)
    structures += [None] * (len(rows) - len(structures))
    columns = {"record": [json.dumps(row) for row in rows], "structure": structures}
    schema = pa.schema([("record", pa.string()), ("structure", pa.string())], metadata={b"tansaku": json.dumps(header)})
    pq.write_table(pa.table(columns, schema=schema), target)
    return target


def refused(file: Path, folder: Path, contents: Contents, known: Path | None = None) -> TansakuError:
    """The error of an import that must change nothing, into an empty store or beside a known campaign."""
    store, artifacts = MemoryCampaignStore(), FileArtifactStore(folder / "artifacts")
    if known is not None:
        import_observations(store, known, ME, artifacts=artifacts)
    before = contents(store, folder / "artifacts")
    with pytest.raises(TansakuError) as caught:
        import_observations(store, file, ME, artifacts=artifacts)
    assert contents(store, folder / "artifacts") == before
    assert all(line.isprintable() for line in str(caught.value).splitlines())
    assert str(file) in str(caught.value)
    return caught.value
