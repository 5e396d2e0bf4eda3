"""The end of a run's output: what was left out, how long each suite took, and the slowest tests."""

from __future__ import annotations

import importlib.util
import json
import os
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.components import REQUIRE_ALL
from tests.support.servers import RUNNING_CLUSTERS

SLOWEST = 20
"""How many of the slowest tests are printed."""

_LEFT_OUT: dict[str, list[str]] = defaultdict(list)
_COUNTS: dict[str, int] = defaultdict(int)
_SECONDS: dict[str, float] = defaultdict(float)
"""Wall time by test [s], with its set-up and its end."""

_PROCESSOR: dict[str, float] = defaultdict(float)
"""Processor time by test [s], with that of the processes that it or the session started."""

_TICKS = os.sysconf("SC_CLK_TCK")
_BEGUN = pytest.StashKey[float]()
_PROPERTY = "processor_seconds"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--times", type=Path, help="file that is to hold the seconds of each test file (JSON)")


def _processor_seconds() -> float:
    """Processor time of this process and of its descendants; daemons, which belong to init, are left out."""
    return sum(os.times()[:4]) + _seconds_below(os.getpid())


def _seconds_below(pid: int) -> float:
    """Processor time of the living descendants of a process, with that of their children that have ended."""
    seconds = 0.0
    try:
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                fields = Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()
                seconds += sum(map(int, fields[11:15])) / _TICKS + _seconds_below(int(child))
    except OSError:  # it has just ended: its parent has its time now
        pass
    return seconds


def _gpu() -> bool:
    """Whether torch sees a CUDA device; where there is no driver it is not asked, its import takes seconds."""
    if not Path("/dev/nvidiactl").exists() or not importlib.util.find_spec("torch"):
        return False
    import torch

    return bool(torch.cuda.is_available())


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Tests marked ``gpu`` run where there is one; elsewhere they are deselected, as nothing can be installed for them."""
    needing = [item for item in items if item.get_closest_marker("gpu")]
    if needing and not _gpu():
        config.hook.pytest_deselected(items=needing)
        items[:] = [item for item in items if item not in needing]


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> Iterator[None]:
    item.stash[_BEGUN] = _processor_seconds()
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    report = yield
    if report.failed and ("slurm" in item.nodeid or "fireworks" in item.nodeid):
        # What SLURM says of its nodes and jobs goes with the report of a test that failed on it.
        report.sections += [("SLURM", cluster.told()) for cluster in RUNNING_CLUSTERS]
    if report.skipped and not hasattr(report, "wasxfail") and REQUIRE_ALL:
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was left out under TANSAKU_REQUIRE_ALL=1: {report.longrepr}"
    if report.when == "teardown":
        report.user_properties.append((_PROPERTY, _processor_seconds() - item.stash[_BEGUN]))
    return report


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    _SECONDS[report.nodeid] += report.duration
    _PROCESSOR[report.nodeid] += sum(value for name, value in report.user_properties if name == _PROPERTY)
    _COUNTS[_suite(report.nodeid)] += report.when == "call"
    if report.skipped and not hasattr(report, "wasxfail") and isinstance(report.longrepr, tuple):
        _LEFT_OUT[str(report.longrepr[2]).removeprefix("Skipped: ")].append(report.nodeid)


def _suite(nodeid: str) -> str:
    return "/".join(nodeid.split("/")[:2])


def _file(nodeid: str) -> str:
    return nodeid.partition("::")[0]


def _added(seconds: dict[str, float], key: Callable[[str], str]) -> dict[str, float]:
    """Sums of the tests' times by file or suite."""
    sums: dict[str, float] = defaultdict(float)
    for nodeid, value in seconds.items():
        sums[key(nodeid)] += value
    return sums


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    write = terminalreporter.write_line
    if _SECONDS:
        write(f"slowest {min(SLOWEST, len(_SECONDS))} tests: wall time, processor time with children")
    for nodeid in sorted(_SECONDS, key=_SECONDS.__getitem__, reverse=True)[:SLOWEST]:
        write(f"  {_SECONDS[nodeid]:6.1f} s {_PROCESSOR[nodeid]:6.1f} s  {nodeid}")
    processor = _added(_PROCESSOR, _suite)
    for suite, seconds in sorted(_added(_SECONDS, _suite).items()):
        write(f"{suite}: {_COUNTS[suite]} tests, {seconds:.1f} s, {processor[suite]:.1f} s of processor time")
    for reason, tests in sorted(_LEFT_OUT.items()):
        write(f"left out: {len(tests)} tests, {reason} (TANSAKU_REQUIRE_ALL=1 makes this a failure)")
    target = config.getoption("times")
    if target is not None:
        files = {name: [round(seconds, 1)] for name, seconds in sorted(_added(_SECONDS, _file).items())}
        for name, seconds in _added(_PROCESSOR, _file).items():
            files[name].append(round(seconds, 1))
        lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(seconds)}" for name, seconds in files.items())
        target.write_text(f"{{\n{lines}\n}}\n")
