"""The contract of the list of uploaded files."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tansaku.models.domain.library import MOST_UPLOADS, FileLibrary, LibraryFile, Upload
from tansaku.tasks.backends.stores.mongo_library import MongoLibrary

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.fixture
def library(emptied_database) -> FileLibrary:
    return MongoLibrary(emptied_database)


def file(digit: str, name: str = "rows.csv", hours: float = 0.0) -> LibraryFile:
    moment = NOON + timedelta(hours=hours)
    return LibraryFile(sha256=digit * 64, name=name, kind="table", size=5, user="ada", created_at=moment)


def test_files_come_back_the_newest_first_by_name_or_all(library):
    for entry in (file("1"), file("2", hours=1), file("3", "other.csv", hours=2)):
        assert library.add_file(entry) == entry
    assert library.files() == [file("3", "other.csv", 2), file("2", hours=1), file("1")]
    assert library.files("rows.csv") == [file("2", hours=1), file("1")]
    assert library.files("none.csv") == []
    assert library.file("1" * 64) == file("1")
    assert library.file("9" * 64) is None


def test_a_content_is_there_once_under_its_first_name(library):
    library.add_file(file("1"))
    again, later = (Upload(user="ada", name="again.csv", created_at=NOON + timedelta(hours=hours)) for hours in (3, 4))
    assert library.add_file(file("1", "again.csv", hours=3)) == file("1").model_copy(update={"uploads": (again,)})
    assert library.add_file(file("1", "again.csv", hours=4)).uploads == (later,)
    for number in range(MOST_UPLOADS):
        stored = library.add_file(file("1", f"{number}.csv"))
    assert [upload.name for upload in stored.uploads] == [f"{number}.csv" for number in range(MOST_UPLOADS)]
    assert library.files() == library.files("rows.csv") == library.files("7.csv") == [stored]


def test_a_file_is_removed_once(library):
    library.add_file(file("1"))
    library.add_file(file("2"))
    assert sorted(library.named_artifacts()) == ["1" * 64, "2" * 64]
    assert library.remove_file("1" * 64)
    assert not library.remove_file("1" * 64)
    assert list(library.named_artifacts()) == ["2" * 64]
