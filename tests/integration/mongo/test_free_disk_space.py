"""How much free disk space the private server asks for before it starts."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tansaku.models.domain.errors import DiskFullError
from tansaku.tasks.backends.stores import embedded_mongod
from tansaku.tasks.backends.stores.embedded_mongod import EmbeddedMongod


@pytest.fixture
def home(require: Callable[[str], None]) -> Iterator[Path]:
    """A home of its own on a short path; its server ends with the test."""
    require("mongod")
    with tempfile.TemporaryDirectory(prefix="tsk-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)
        EmbeddedMongod(Path(folder)).stop()


def test_full_disk_is_a_clear_error(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded_mongod, "FREE_TO_START", 2**60)
    with pytest.raises(DiskFullError, match=r"the database needs \d+ MB of free space to start and has \d+ MB: disk is full"):
        EmbeddedMongod(home).start()
    assert not EmbeddedMongod(home).status().running


def test_a_database_whose_files_exist_starts_with_less_free_space(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = EmbeddedMongod(home)
    server.start()
    server.stop()
    monkeypatch.setattr(embedded_mongod, "FREE_TO_START", 2**60)
    server.start()
    server.stop()
    monkeypatch.setattr(embedded_mongod, "FREE_TO_CONTINUE", 2**60)
    with pytest.raises(DiskFullError):
        server.start()
