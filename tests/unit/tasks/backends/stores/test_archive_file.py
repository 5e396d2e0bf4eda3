"""Files that would fill the memory or be waited for without end."""

from __future__ import annotations

import os
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tansaku.models.domain.errors import StoreError
from tansaku.tasks.backends.stores.archive_file import documents
from tansaku.tasks.backends.stores.export_reader import campaign_of, read_export


@pytest.mark.parametrize("column", ["record", "structure"])
def test_a_small_file_of_one_huge_repeated_text_is_refused_before_it_is_decoded(
    searched: Path, tmp_path: Path, column: str
) -> None:
    real = pq.read_table(searched)
    record = real["record"][0].as_py()
    columns = {"record": pa.array([record] * 256), "structure": pa.array(["1"] * 256)}
    columns[column] = pa.DictionaryArray.from_arrays(pa.array([0] * 256, pa.int32()), ["x" * 8 * 2**20])
    table = pa.table(columns).replace_schema_metadata(real.schema.metadata)
    pq.write_table(table, tmp_path / "bomb.parquet", compression="zstd", use_dictionary=True)
    assert (tmp_path / "bomb.parquet").stat().st_size < 100_000
    tracemalloc.start()
    before = pa.total_allocated_bytes()
    with pytest.raises(StoreError, match="bytes of text"):
        read_export(tmp_path / "bomb.parquet")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 64 * 2**20
    assert pa.total_allocated_bytes() - before < 256 * 2**20


@pytest.mark.parametrize("read", [read_export, campaign_of, lambda path: [*documents(path)]], ids=["export", "name", "dump"])
def test_pipes_and_devices_are_refused_and_not_waited_for(tmp_path: Path, read: Callable[[Path], object]) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(StoreError, match="not a regular file"):
            read(path)
