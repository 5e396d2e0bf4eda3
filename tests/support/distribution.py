"""Which process runs the test files, in what order, and what ``make test-fast`` runs.

The order and the quick tests follow the seconds that files took in a measured run.
"""

from __future__ import annotations

import gc
import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.rooms import ROOMS

TESTS = Path(__file__).resolve().parents[1]
TIMES = Path(__file__).with_name("times.json")
"""Wall and processor seconds of each test file in a measured run, written by ``pytest --times``."""

GUESSES = {
    "tests/e2e/": 20.0,
    "tests/integration/slurm/": 15.0,
    "tests/integration/prefect/": 15.0,
    "tests/integration/benchmarks/": 10.0,
    "tests/integration/": 5.0,
    **{f"tests/{room}/": 3.0 for room in ROOMS},
    "tests/architecture/": 2.0,
    "tests/contracts/": 0.5,
    "": 0.2,
}
"""Seconds of a test in a file that was not measured, by the begin of its path."""

TOGETHER = {
    "benchmarks": ("tests/integration/benchmarks/", "tests/sparse/benchmarks/"),
    "prefect": ("tests/integration/prefect/", "tests/integration/faults/test_prefect.py"),
    "slurm": (
        "tests/integration/slurm/",
        "tests/contracts/test_launchers.py",
        "tests/unit/tasks/backends/launchers/test_fireworks.py",
    ),
    "faults": ("tests/integration/faults/",),
}
"""Begins of the paths of files that one process runs: each process would start the servers of their session anew."""

FAST_FILE = 2.5
"""``--fast`` runs files that took at most so long [s]."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--fast", action="store_true", help="only unit tests that are quick and need no extra")


def measured() -> dict[str, float]:
    """Wall seconds of the test files."""
    return {name: wall for name, (wall, _) in json.loads(TIMES.read_text()).items()}


def file_of(item: pytest.Item) -> str:
    """Path of a test's file, relative to the repository."""
    return item.nodeid.partition("::")[0]


def is_fast(item: pytest.Item, seconds: dict[str, float]) -> bool:
    """Whether ``--fast`` runs a test: a unit test of a quick file that asks for no component but the emptied database."""
    file = file_of(item)
    quick = seconds.get(file, 0.0) <= FAST_FILE
    fixtures = getattr(item, "fixturenames", ())
    return (
        quick
        and file.startswith(("tests/unit/", *(f"tests/{room}/" for room in ROOMS)))
        and ("require" not in fixtures or "emptied_database" in fixtures)
        and item.get_closest_marker("needs") is None
    )


def pytest_configure(config: pytest.Config) -> None:
    if hasattr(config, "workerinput") and len(config.args) == 1 and Path(config.args[0]).resolve() == TESTS:
        number = int(config.workerinput["workerid"].removeprefix("gw"))
        config.args[:] = map(str, turned(parts_of_the_tests(), number, config.workerinput["workercount"]))


def parts_of_the_tests() -> list[Path]:
    """All that is collected under the folder of the tests, in parts of which none is most of it."""
    parts: list[Path] = []
    for path in sorted(TESTS.iterdir()):
        parts += sorted(path.iterdir()) if path.name in ("integration", "unit") else [path]
    return [path for path in parts if path.match("test_*.py") or (path.is_dir() and path.name != "__pycache__")]


def turned(parts: list[Path], number: int, count: int) -> list[Path]:
    """The same parts, of which each of several processes begins with another one.

    Every process collects all tests. The first one that comes to a file compiles it for the others as well, which is half of
    a collection's processor time.

    Args:
        parts: Folders and files of tests.
        number: Of the process, from 0.
        count: Of processes.
    """
    begin = number * len(parts) // count
    return parts[begin:] + parts[:begin]


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """What is collected lives to the end: no garbage collection looks through it, which would take a fifth of the time."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    seconds = measured()
    if config.getoption("fast"):
        chosen = [item for item in items if is_fast(item, seconds)]
        config.hook.pytest_deselected(items=[item for item in items if not is_fast(item, seconds)])
        items[:] = chosen
    if hasattr(config, "workerinput"):  # one of several processes
        items[:] = longest_part_first(items, seconds)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object | None:
    """With ``--dist loadfile``, hands out parts (:func:`part_of`) instead of files."""
    if config.getvalue("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadFileScheduling

    class Parts(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return part_of(super()._split_scope(nodeid))

    return Parts(config, log)


def part_of(file: str) -> str:
    """What of the tests one process runs as a whole: files that belong together, or a file."""
    return next((name for name, begins in TOGETHER.items() if file.startswith(begins)), file)


def longest_part_first(items: list[pytest.Item], seconds: dict[str, float]) -> list[pytest.Item]:
    """The order in which parts are handed out: if a long one came last, the other processes would wait for it.

    Args:
        items: The collected tests.
        seconds: Of the files that were measured.
    """
    files: dict[str, list[pytest.Item]] = defaultdict(list)
    for item in items:
        files[file_of(item)].append(item)
    length = {name: seconds.get(name, len(tests) * guess(name)) for name, tests in files.items()}
    of_part: dict[str, float] = defaultdict(float)
    for name in files:
        of_part[part_of(name)] += length[name]
    order = sorted(files, key=lambda name: (-of_part[part_of(name)], part_of(name), -length[name], name))
    return [item for name in order for item in files[name]]


def guess(file: str) -> float:
    """Seconds of one test of a file that was not measured."""
    return next(seconds for begin, seconds in GUESSES.items() if file.startswith(begin))
