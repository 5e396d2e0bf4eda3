import errno
import subprocess
from datetime import date
from pathlib import Path

import pytest

from tansaku.models.domain.errors import MissingComponentError, TransientError
from tansaku.tasks.backends.stores import mongod_binary
from tansaku.tasks.backends.stores.mongod_binary import END_OF_LIFE, NEWEST, find_mongod, mongod_version, support_of

NOW = date(2026, 11, 22)


@pytest.mark.parametrize(
    ("version", "ended", "told"),
    [
        ("6.0.5", True, "MongoDB 6.0 is no longer supported since 2025-07-31"),
        ("7.0.31", False, "MongoDB 7.0 is supported until 2027-08-31"),
        ("8.0.32", False, "MongoDB 8.0 is supported until 2029-10-31"),
        ("8.2.1", True, "MongoDB 8.2 is no longer supported since 2026-07-31"),
        ("8.10.0", False, "the end of support of MongoDB 8.10 is not known"),
        ("9.0.2", False, "the end of support of MongoDB 9.0 is not known"),
        ("4.4.30", True, "MongoDB 4.4 is no longer supported"),
        ("7.0.0-rc1", False, "MongoDB 7.0 is supported until 2027-08-31"),
    ],
)
def test_a_series_is_looked_up(version, ended, told):
    found = support_of(version, NOW)
    assert (found.ended, found.text) == (ended, told)
    assert (found.hint is not None) == ended


def test_the_last_day_counts():
    assert not support_of("6.0.5", END_OF_LIFE[6, 0]).ended
    assert support_of("6.0.5", date(2025, 8, 1)).ended


def test_the_release_that_is_recommended_is_supported():
    assert END_OF_LIFE[NEWEST] > NOW


def server(folder: Path, script: str) -> Path:
    binary = folder / "mongod"
    binary.write_text(script)
    binary.chmod(0o755)
    return binary


def test_a_slow_server_is_asked_again_later_and_no_other_one_is_taken(tmp_path, monkeypatch):
    """A driver waits where the server may come back, and ends where a component is missing."""
    binary = server(tmp_path, "#!/bin/sh\nexec sleep 20\n")
    monkeypatch.setattr(mongod_binary, "_VERSION_SECONDS", 0.2)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    with pytest.raises(TransientError, match=r"mongod --version: no answer within 0\.2 s; expected its version"):
        mongod_version(binary)
    with pytest.raises(TransientError):
        find_mongod()


@pytest.mark.parametrize(
    ("number", "expected"),
    [(errno.EAGAIN, TransientError), (errno.ENOMEM, TransientError), (errno.EACCES, MissingComponentError)],
)
def test_a_full_machine_lacks_no_component(tmp_path, monkeypatch, number, expected):
    def refuse(*_: object, **__: object) -> None:
        raise OSError(number, "refused")

    monkeypatch.setattr(subprocess, "run", refuse)
    with pytest.raises(expected, match="mongod does not run"):
        mongod_version(tmp_path / "mongod")
