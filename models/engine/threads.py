"""Work on many rows by several threads, where numpy or a compiled loop holds no lock of the interpreter."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

MANY = 50_000
"""Rows from which on threads save more than they cost."""

_MOST_THREADS = 8

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def in_threads(run: Callable[[_Item], _Result], items: Iterable[_Item], rows: int) -> list[_Result]:
    """Results of all items, in their order.

    Args:
        run: May run at the same time for several items.
        items: What it gets.
        rows: That are worked on in all; below :data:`MANY` it is one thread.
    """
    threads = len(os.sched_getaffinity(0)) if rows >= MANY else 1
    if threads == 1:
        return [run(item) for item in items]
    with ThreadPoolExecutor(min(threads, _MOST_THREADS)) as pool:
        return list(pool.map(run, items))
