"""Order of the test files, and what ``make test-fast`` runs; both follow the seconds that files took in a measured run."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path

import pytest

TIMES = Path(__file__).with_name("times.json")
"""Wall and processor seconds of each test file in a measured run, written by ``pytest --times``."""

UNKNOWN = 0.2
"""Seconds of a test in a file that was not measured."""

FAST_FILE = 4.0
"""``--fast`` runs files that took at most so long [s]."""

SERVERS = frozenset({"mongo_server", "slurm_cluster", "accounting_slurm_cluster", "prefect_server", "mongod_uri"})
"""Fixtures that start a server."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--fast", action="store_true", help="only unit tests that are quick and need no server")


def measured() -> dict[str, float]:
    """Wall seconds of the test files."""
    return {name: wall for name, (wall, _) in json.loads(TIMES.read_text()).items()}


def is_fast(item: pytest.Item, seconds: dict[str, float]) -> bool:
    """Whether ``--fast`` runs a test."""
    file = item.nodeid.partition("::")[0]
    fixtures = set(getattr(item, "fixturenames", ()))
    return file.startswith("tests/unit/") and seconds.get(file, 0.0) <= FAST_FILE and not fixtures & SERVERS


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    seconds = measured()
    if config.getoption("fast"):
        left_out = [item for item in items if not is_fast(item, seconds)]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in set(left_out)]
    if hasattr(config, "workerinput"):  # one of several processes
        items[:] = longest_file_first(items, seconds)


def longest_file_first(items: list[pytest.Item], seconds: dict[str, float]) -> list[pytest.Item]:
    """The order in which files are handed out: if a long one came last, the other processes would wait for it.

    Args:
        items: The collected tests.
        seconds: Of the files that were measured.
    """
    files: dict[str, list[pytest.Item]] = defaultdict(list)
    for item in items:
        files[item.nodeid.partition("::")[0]].append(item)
    order = sorted(files, key=lambda name: -seconds.get(name, UNKNOWN * len(files[name])))
    return [item for name in order for item in files[name]]
