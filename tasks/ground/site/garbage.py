"""Memory when many records are read: fewer searches for cyclic garbage, one heap for all threads, freed memory given back."""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

_M_ARENA_MAX = -8
"""Number of glibc's setting for the most heaps."""


@contextmanager
def collection_paused() -> Iterator[None]:
    """Pauses the search for cyclic garbage.

    Each collection visits what was read so far and finds nothing, for records and documents hold no cycles: with 100,000
    evaluations that took a third of the time. Threads may overlap: the first that is done ends the pause for all.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def give_back_memory() -> None:
    """Gives memory that was freed back to the operating system; does nothing where the C library cannot.

    Without it, what reading a large campaign takes for a moment stays with the process: the C library keeps the freed pieces
    between what is still in use.
    """
    trim = _of_the_library("malloc_trim")
    if trim is not None:
        trim(0)


def share_heap() -> None:
    """Lets all threads that begin from now on take memory from one heap; does nothing where the C library cannot.

    By itself the C library gives threads heaps of their own. What one thread of a server frees, such as the arrays of a reading
    that was brought up to date, is then not used by the thread that makes the next ones.
    """
    choose = _of_the_library("mallopt")
    if choose is not None:
        choose(_M_ARENA_MAX, 1)


@cache
def _of_the_library(name: str) -> Any:  # noqa: ANN401 - a foreign function
    """A function of glibc; None in another C library."""
    return getattr(ctypes.CDLL(None), name, None)
