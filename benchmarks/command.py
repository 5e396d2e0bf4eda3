"""What the commands of several benchmarks share: their options, and runs in as many processes as are asked for."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import TypeVar

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


def results(run: Callable[[Case], Result], chosen: Sequence[Case], jobs: int) -> Iterator[Result]:
    """What comes of each case as it ends, in the order given; in this process where one job is asked for."""
    if jobs == 1:
        yield from map(run, chosen)
        return
    with ProcessPoolExecutor(jobs) as workers:
        yield from workers.map(run, chosen)
