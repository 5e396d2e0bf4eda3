"""What the commands of several benchmarks share: their options, and runs in as many processes as are asked for."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import TypeVar

from tansaku.models.domain.records import JsonDict
from tansaku.tasks.jobs.spool_files import read_json

Case = TypeVar("Case")
Result = TypeVar("Result")


def command(
    name: str, doc: str | None, *, quick: str, figure: str | None = None, jobs: str | None = None
) -> argparse.ArgumentParser:
    """The options that benchmarks have in common.

    Args:
        name: The benchmark's module below ``benchmarks``.
        doc: What ``--help`` says of it.
        quick: What ``--quick`` makes of it.
        figure: What its figure shows, if it draws one.
        jobs: What is done at once, if several processes can.
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


def begun(path: Path, same: JsonDict, **first: object) -> JsonDict:
    """What a result file has of the same run, which then continues; ``same`` and ``first`` where there is none.

    Args:
        path: Result file, written by ``write_json``.
        same: What must be equal there: data, settings, version of the layout.
        first: Further keys of a new result.

    Raises:
        SystemExit: The file is another run's; nothing of it is lost.
    """
    found = read_json(path)
    if found is None:
        return same | first
    other = [key for key, value in same.items() if found.get(key) != value]
    if other:
        sys.exit(f"{path}: its {other[0]} is {found.get(other[0])!r}, now {same[other[0]]!r}; give another --out or delete it")
    return found


def results(run: Callable[[Case], Result], chosen: Sequence[Case], jobs: int) -> Iterator[Result]:
    """What comes of each case as it ends, in the order given; in this process where one job is asked for."""
    if jobs == 1:
        yield from map(run, chosen)
        return
    with ProcessPoolExecutor(jobs) as workers:
        yield from workers.map(run, chosen)
