import hashlib
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tansaku.models.domain.errors import NotFoundError, StoreError
from tansaku.models.domain.ports import ArtifactStore
from tansaku.tasks.backends.stores.artifacts import GridFSArtifactStore
from tansaku.tasks.backends.stores.file_artifacts import FileArtifactStore
from tansaku.tasks.backends.stores.mongo_schema import MongoDatabase

UNKNOWN = "0" * 64


@pytest.fixture(params=["files", "gridfs"])
def artifacts(request: pytest.FixtureRequest, tmp_path: Path) -> ArtifactStore:
    if request.param == "files":
        return FileArtifactStore(tmp_path / "store")
    return GridFSArtifactStore(request.getfixturevalue("mongo_database"))


@pytest.fixture
def write(tmp_path: Path) -> Callable[[bytes], Path]:
    def file(content: bytes) -> Path:
        path = tmp_path / "source"
        path.write_bytes(content)
        return path

    return file


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(content=st.binary(max_size=2000))
def test_bytes_come_back(artifacts: ArtifactStore, write: Callable[[bytes], Path], tmp_path: Path, content: bytes) -> None:
    sha256 = artifacts.put(write(content))
    assert sha256 == hashlib.sha256(content).hexdigest()
    assert artifacts.get(sha256, tmp_path / "back").read_bytes() == content
    with artifacts.open(sha256) as stream:
        assert stream.read() == content


def test_value_of_several_chunks_comes_back(artifacts: ArtifactStore, write: Callable[[bytes], Path], tmp_path: Path) -> None:
    content = os.urandom(3 * 2**20 + 17)
    sha256 = artifacts.put(write(content))
    assert artifacts.get(sha256, tmp_path / "back").read_bytes() == content


def test_unknown_value_is_not_found(artifacts: ArtifactStore, tmp_path: Path) -> None:
    assert not artifacts.exists(UNKNOWN)
    with pytest.raises(NotFoundError):
        artifacts.get(UNKNOWN, tmp_path / "back")
    with pytest.raises(NotFoundError):
        artifacts.open(UNKNOWN)
    with pytest.raises(NotFoundError):
        artifacts.open("../../etc/passwd")
    assert not (tmp_path / "back").exists()


def test_files_that_cannot_be_read_or_written_are_clear_errors(
    artifacts: ArtifactStore, write: Callable[[bytes], Path], tmp_path: Path
) -> None:
    with pytest.raises(StoreError, match="storing"):
        artifacts.put(tmp_path / "missing")
    sha256 = artifacts.put(write(b"value"))
    with pytest.raises(StoreError, match="writing"):
        artifacts.get(sha256, tmp_path / "missing" / "back")


def test_same_bytes_are_stored_once(artifacts: ArtifactStore, write: Callable[[bytes], Path]) -> None:
    assert artifacts.put(write(b"same")) == artifacts.put(write(b"same"))
    assert artifacts.sweep(iter(()), older_than=-1.0) == 1


def test_concurrent_puts_of_one_value_agree(artifacts: ArtifactStore, write: Callable[[bytes], Path], tmp_path: Path) -> None:
    source = write(os.urandom(700_000))
    with ThreadPoolExecutor(4) as pool:
        hashes = set(pool.map(artifacts.put, [source] * 8))
    assert len(hashes) == 1
    (sha256,) = hashes
    assert artifacts.get(sha256, tmp_path / "back").read_bytes() == source.read_bytes()
    assert artifacts.sweep(iter(hashes), older_than=-1.0) == 0


def test_sweep_keeps_what_is_referenced_or_young(artifacts: ArtifactStore, write: Callable[[bytes], Path]) -> None:
    kept, dropped = artifacts.put(write(b"kept")), artifacts.put(write(b"dropped"))
    assert artifacts.sweep(iter([kept]), older_than=3600.0) == 0
    assert artifacts.sweep(iter([kept]), older_than=-1.0) == 1
    assert artifacts.exists(kept)
    assert not artifacts.exists(dropped)


def test_value_put_again_is_young_again(artifacts: ArtifactStore, write: Callable[[bytes], Path]) -> None:
    sha256 = artifacts.put(write(b"again"))
    threading.Event().wait(1.0)
    artifacts.put(write(b"again"))
    assert artifacts.sweep(iter(()), older_than=0.9) == 0
    assert artifacts.exists(sha256)


def test_killed_upload_blocks_nothing_and_is_swept_from_files(tmp_path: Path, write: Callable[[bytes], Path]) -> None:
    store = FileArtifactStore(tmp_path / "store")
    half = tmp_path / "store" / "uploads" / "half"
    half.write_bytes(b"val")
    sha256 = store.put(write(b"value"))
    os.utime(half, (time.time() - 100, time.time() - 100))
    assert store.sweep(iter([sha256]), older_than=50.0) == 1
    assert store.exists(sha256)
    assert not half.exists()


def test_damaged_file_is_noticed(tmp_path: Path, write: Callable[[bytes], Path]) -> None:
    store = FileArtifactStore(tmp_path / "store")
    sha256 = store.put(write(b"value"))
    next((tmp_path / "store" / "values").glob("*/*")).write_bytes(b"other")
    with pytest.raises(StoreError, match="damaged"):
        store.get(sha256, tmp_path / "back")
    assert not (tmp_path / "back").exists()


def test_killed_upload_blocks_nothing_and_is_swept_from_gridfs(
    mongo_database: MongoDatabase, write: Callable[[bytes], Path], tmp_path: Path
) -> None:
    from bson import ObjectId

    store = GridFSArtifactStore(mongo_database)
    content = os.urandom(600_000)
    half = ObjectId()
    mongo_database["artifacts.chunks"].insert_one({"files_id": half, "n": 0, "data": content[:255_000]})
    sha256 = store.put(write(content))
    assert store.get(sha256, tmp_path / "back").read_bytes() == content
    assert store.sweep(iter([sha256]), older_than=-1.0) == 1
    assert mongo_database["artifacts.chunks"].count_documents({"files_id": half}) == 0
    assert store.get(sha256, tmp_path / "back").read_bytes() == content
