"""The lock of an open file, which the kernel releases however the process ends."""

from __future__ import annotations

import fcntl


def locked(descriptor: int) -> bool:
    """Takes the lock without waiting; returns False if another process holds it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
