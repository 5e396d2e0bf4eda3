"""Common parts of the benchmarks' commands: options, result files, and parallel runs."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from tansaku.models.domain.records import JsonDict
from tansaku.tasks.node.jobs.spool_files import read_json
from tansaku.tasks.read.figures.style import drawing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SECONDS_BETWEEN = 30.0
"""Between two writings of a result of many short runs: an interruption costs the runs since."""

Case = TypeVar("Case")
Result = TypeVar("Result")


def command(
    name: str, doc: str | None, *, quick: str, figure: str | None = None, jobs: str | None = None
) -> argparse.ArgumentParser:
    """The options that benchmarks have in common.

    Args:
        name: The benchmark's module below ``benchmarks``.
        doc: Text of ``--help``.
        quick: Description of ``--quick``.
        figure: Content of its figure, if it draws one.
        jobs: Description of the parallel tasks, if there are any.
    """
    parser = argparse.ArgumentParser(
        prog=f"python -m benchmarks.{name}", description=doc, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True, help="result file (JSON)")
    parser.add_argument("--quick", action="store_true", help=quick)
    if figure is not None:
        parser.add_argument("--figure", type=Path, help=f"{figure} (PNG, SVG or PDF)")
    if jobs is not None:
        parser.add_argument("--jobs", type=int, default=1, help=f"{jobs} at once")
    return parser


@contextmanager
def figure_file(path: Path, width: float, height: float, dpi: int = 150) -> Iterator[Figure]:
    """A figure of a benchmark, written when the context ends, in a folder that is made; sizes in inches."""
    from matplotlib.figure import Figure

    with drawing():
        figure = Figure(figsize=(width, height), layout="constrained")
        yield figure
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, dpi=dpi)


def begun(path: Path, same: JsonDict, **first: object) -> JsonDict:
    """Content of an existing result file, so that an interrupted run continues; without a file ``same`` and ``first``.

    Args:
        path: Result file, written by ``write_json``.
        same: Keys that must be equal there: data, settings, version of the layout.
        first: Further keys of a new result.

    Raises:
        SystemExit: The file belongs to a different run; it is not changed.
    """
    found = read_json(path)
    if found is None:
        return same | first
    other = [key for key, value in same.items() if found.get(key) != value]
    if other:
        sys.exit(f"{path}: its {other[0]} is {found.get(other[0])!r}, now {same[other[0]]!r}; give another --out or delete it")
    return found


def results(run: Callable[[Case], Result], chosen: Sequence[Case], jobs: int) -> Iterator[Result]:
    """Results of the cases as they end, in the given order; with one job they run in this process."""
    if jobs == 1:
        yield from map(run, chosen)
        return
    with ProcessPoolExecutor(jobs) as workers:
        yield from workers.map(run, chosen)


def collect(runs: list[JsonDict], found: Iterator[JsonDict], write: Callable[[], None]) -> None:
    """Appends what is found to the runs of a result, and writes it now and then; the last runs are left to the caller."""
    written = time.monotonic()
    for run in found:
        runs.append(run)
        if time.monotonic() - written > SECONDS_BETWEEN:
            write()
            written = time.monotonic()
