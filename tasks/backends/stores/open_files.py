"""Limits on the number of open files of a server."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager

from tansaku.models.domain.errors import StoreError

FEWEST_FILES = 256
"""Smallest limit on open files with which mongod runs: it needs one per collection, index and connection."""


def refuse_few_files() -> None:
    """Raises StoreError when the hard limit on open files is too low for a server; the soft one can be raised."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if limit != resource.RLIM_INFINITY and limit < FEWEST_FILES:
        raise StoreError(
            f"the limit on open files is {limit} (`ulimit -Hn`); the database needs at least {FEWEST_FILES}",
            hint="raise it (LimitNOFILE of a service, --ulimit nofile of a container), or set TANSAKU_MONGO_URI to a server",
        )


@contextmanager
def most_files() -> Iterator[None]:
    """Lets processes started in this context open as many files as the hard limit allows; this process keeps its limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def file_limit() -> str:
    """Describes the limits."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return f"{soft} (`ulimit -n`), at most {'unlimited' if hard == resource.RLIM_INFINITY else hard} (`ulimit -Hn`)"
