"""Threads of the numerical libraries in a process that is not tansaku's own, such as a script or a notebook."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def one_thread() -> Iterator[None]:
    """Keeps the numerical libraries to one thread, as commands do, and then lets them have what they had.

    The matrices of a search are small: with two threads the processors were busy for three times as long.
    """
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        yield
