"""A cache whose entries are made once, even if many threads ask for one at the same time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, TypeVar, cast

Made = TypeVar("Made")


@dataclass
class _Slot:
    """An entry that one thread makes while the others wait."""

    lock: Lock = field(default_factory=Lock)
    done: bool = False
    made: Any = None


class Once:
    """Thread-safe cache that computes each entry at its first request."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._slots: dict[object, _Slot] = {}

    def get(self, key: object, make: Callable[[], Made]) -> Made:
        """Returns the entry of a key, made if it is missing while others wait. After an error the next caller tries again.

        Args:
            key: What it is.
            make: Makes it; it may ask for other keys.
        """
        with self._lock:
            slot = self._slots.setdefault(key, _Slot())
        if not slot.done:
            with slot.lock:
                if not slot.done:
                    slot.made, slot.done = make(), True
        return cast(Made, slot.made)
