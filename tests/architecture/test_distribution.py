"""Long parts of the tests are handed out first, and ``--fast`` runs what is quick and needs no extra."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.support.distribution import (
    FAST_FILE,
    TESTS,
    TOGETHER,
    is_fast,
    longest_part_first,
    measured,
    part_of,
    parts_of_the_tests,
    pytest_xdist_make_scheduler,
    turned,
)

ROOT = Path(__file__).resolve().parents[2]


def item(nodeid: str, *fixtures: str) -> SimpleNamespace:
    """A test with fixtures and, after a @, marks."""
    marks = {name for name in fixtures if name.startswith("@")}
    marked = {"get_closest_marker": lambda name: f"@{name}" if f"@{name}" in marks else None}
    return SimpleNamespace(nodeid=nodeid, fixturenames=[name for name in fixtures if name not in marks], **marked)


def test_files_stay_whole_and_the_longest_come_first():
    names = ["a.py::one", "b.py::one", "a.py::two", "tests/integration/slurm/c.py::one", "d.py::one"]
    ordered = longest_part_first([item(name) for name in names], {"b.py": 30.0, "d.py": 0.01})
    expected = ["b.py::one", "tests/integration/slurm/c.py::one", "a.py::one", "a.py::two", "d.py::one"]
    assert [found.nodeid for found in ordered] == expected


@pytest.mark.parametrize(
    ("nodeid", "fixtures", "fast"),
    [
        ("tests/unit/test_quick.py::test_it", ("tmp_path",), True),
        ("tests/unit/test_quick.py::test_it", ("tmp_path", "require"), False),
        ("tests/unit/test_quick.py::test_it", ("tmp_path", "@needs"), False),
        ("tests/unit/test_quick.py::test_it", ("emptied_database", "require"), True),
        ("tests/unit/test_slow.py::test_it", (), False),
        ("tests/contracts/test_quick.py::test_it", (), False),
    ],
)
def test_fast_is_what_is_quick_and_needs_no_extra(nodeid, fixtures, fast):
    assert is_fast(item(nodeid, *fixtures), {"tests/unit/test_slow.py": FAST_FILE + 0.1}) is fast


def test_the_measured_files_exist():
    assert [name for name in measured() if not (ROOT / name).is_file()] == []


def test_every_process_collects_every_file_and_begins_with_another_part():
    parts = parts_of_the_tests()
    orders = [turned(parts, number, 3) for number in range(3)]
    assert [sorted(order) for order in orders] == [parts] * 3
    assert len({order[0] for order in orders}) == 3
    files = [path for path in TESTS.rglob("test_*.py") if "__pycache__" not in path.parts]
    assert [path for path in files if sum(path.is_relative_to(part) for part in parts) != 1] == []


def test_files_of_the_same_length_have_one_order_in_every_process():
    items = [item(name) for name in ("tests/b.py::one", "tests/a.py::one")]
    assert longest_part_first(items, {}) == longest_part_first(items[::-1], {})


def test_files_that_share_servers_are_one_part_and_come_one_after_the_other():
    one, other, apart = (f"tests/integration/{name}" for name in ("slurm/a.py", "slurm/b.py", "mongo/c.py"))
    items = [item(f"{name}::test") for name in (one, apart, other)]
    ordered = longest_part_first(items, {one: 3.0, other: 2.0, apart: 4.0})
    assert [found.nodeid for found in ordered] == [f"{name}::test" for name in (one, other, apart)]
    options = {"dist": "loadfile", "tx": ["popen"]}
    scheduler = pytest_xdist_make_scheduler(SimpleNamespace(getvalue=options.__getitem__), None)
    assert scheduler._split_scope(f"{one}::test[a::b]") == scheduler._split_scope(f"{other}::test") == "slurm"
    assert scheduler._split_scope(f"{apart}::test") == apart
    assert part_of("tests/integration/faults/test_prefect.py") == "prefect"
    assert all((ROOT / begin).exists() for begins in TOGETHER.values() for begin in begins)
