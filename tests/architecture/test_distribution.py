"""Long files are handed out first, and ``--fast`` runs what is quick and needs no extra."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.support.distribution import FAST_FILE, is_fast, longest_file_first, measured

ROOT = Path(__file__).resolve().parents[2]


def item(nodeid: str, *fixtures: str) -> SimpleNamespace:
    return SimpleNamespace(nodeid=nodeid, fixturenames=list(fixtures))


def test_files_stay_whole_and_the_longest_come_first():
    names = ["a.py::one", "b.py::one", "a.py::two", "tests/integration/slurm/c.py::one", "d.py::one"]
    ordered = longest_file_first([item(name) for name in names], {"b.py": 30.0, "d.py": 0.01})
    expected = ["b.py::one", "tests/integration/slurm/c.py::one", "a.py::one", "a.py::two", "d.py::one"]
    assert [found.nodeid for found in ordered] == expected


@pytest.mark.parametrize(
    ("nodeid", "fixtures", "fast"),
    [
        ("tests/unit/test_quick.py::test_it", ("tmp_path",), True),
        ("tests/unit/test_quick.py::test_it", ("tmp_path", "require"), False),
        ("tests/unit/test_slow.py::test_it", (), False),
        ("tests/contracts/test_quick.py::test_it", (), False),
    ],
)
def test_fast_is_what_is_quick_and_needs_no_extra(nodeid, fixtures, fast):
    assert is_fast(item(nodeid, *fixtures), {"tests/unit/test_slow.py": FAST_FILE + 0.1}) is fast


def test_the_measured_files_exist():
    assert [name for name in measured() if not (ROOT / name).is_file()] == []
