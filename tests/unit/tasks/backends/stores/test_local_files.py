"""Copies of the library's files on this machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from tansaku.models.domain.errors import TransientError
from tansaku.models.domain.records import CampaignFile, CampaignRecord
from tansaku.tasks.backends.stores.file_artifacts import FileArtifactStore
from tansaku.tasks.backends.stores.local_files import LocalFiles
from tests.support.records import campaign_record


@pytest.fixture
def artifacts(tmp_path: Path) -> FileArtifactStore:
    return FileArtifactStore(tmp_path / "artifacts")


def record(sha256: str) -> CampaignRecord:
    return campaign_record(base_path="/elsewhere", files=(CampaignFile(path=f"{sha256}/rows.csv", sha256=sha256),))


def stored(artifacts: FileArtifactStore, folder: Path) -> str:
    (folder / "given").write_text("id\n1\n")
    return artifacts.put(folder / "given")


def test_a_campaign_finds_its_files_below_its_base_path(artifacts, tmp_path):
    sha256, files = stored(artifacts, tmp_path), LocalFiles(artifacts, tmp_path / "library")
    found = files.with_files(record(sha256))
    assert found.base_path == str(tmp_path / "library")
    path = Path(found.base_path, found.files[0].path)
    assert path.read_text() == "id\n1\n"
    assert path.parent.stat().st_mode & 0o777 == 0o700
    # What is there is not copied again.
    before = path.stat().st_mtime_ns
    files.with_files(record(sha256))
    assert path.stat().st_mtime_ns == before


def test_files_that_are_gone_or_cannot_be_copied_are_found_missing_later(artifacts, tmp_path):
    files = LocalFiles(artifacts, tmp_path / "library")
    assert not Path(files.with_files(record("5" * 64)).base_path, "5" * 64, "rows.csv").exists()
    (tmp_path / "file").write_text("")
    blocked = LocalFiles(artifacts, tmp_path / "file" / "library")
    assert blocked.with_files(record(stored(artifacts, tmp_path))).base_path == str(tmp_path / "file" / "library")


def test_an_outage_is_an_error(artifacts, tmp_path, monkeypatch):
    def fails(*_: object) -> None:
        raise TransientError("the database does not answer")

    sha256 = stored(artifacts, tmp_path)
    monkeypatch.setattr(artifacts, "get", fails)
    with pytest.raises(TransientError):
        LocalFiles(artifacts, tmp_path / "library").with_files(record(sha256))


@pytest.mark.parametrize("path", ["../x/rows.csv", "/etc/passwd", f"{'1' * 64}/../rows.csv", f"{'1' * 64}/.x", "rows.csv"])
def test_no_copy_is_outside_the_folder(path):
    with pytest.raises(ValueError, match="path"):
        CampaignFile(path=path, sha256="1" * 64)
