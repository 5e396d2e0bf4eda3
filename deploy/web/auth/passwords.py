"""Passwords by argon2: at most two hashes at a time, and the same work for unknown users as for known ones."""

from __future__ import annotations

import itertools
import threading
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from tansaku.models.domain.errors import FieldError, TransientError

SHORTEST, LONGEST = 12, 1024
AT_ONCE = 2
"""Hashes at a time; each takes ``memory_kib``."""
_MOST_WAITING = 8
_PATIENCE = 10.0  # [s]


@dataclass(frozen=True)
class HashCost:
    """Cost of a hash; the defaults are those of RFC 9106 for machines with little memory.

    Attributes:
        passes: Over the memory.
        memory_kib: [KiB]
        lanes: Threads of a hash.
    """

    passes: int = 3
    memory_kib: int = 64 * 1024
    lanes: int = 4


class BusyError(TransientError):
    """Too many simultaneous logins; the caller may try again."""


class Passwords:
    """Hashes and verifies passwords.

    Args:
        cost: Of new hashes. Stored ones are verified at the cost they were made with.
    """

    def __init__(self, cost: HashCost) -> None:
        self._hasher = PasswordHasher(time_cost=cost.passes, memory_cost=cost.memory_kib, parallelism=cost.lanes)
        self._changed = threading.Condition()
        self._order = itertools.count()
        self._waiting: list[tuple[float, int]] = []
        self._running = 0

    def hash(self, password: str) -> str:
        """Hash of a new password with its salt and cost.

        Raises:
            FieldError: It is too short or too long, or no text.
            BusyError: Too many are being hashed.
        """
        if not SHORTEST <= len(password) <= LONGEST:
            raise FieldError("password", f"it has {len(password)} characters, expected {SHORTEST} to {LONGEST}")
        if not _is_text(password):
            raise FieldError("password", "it contains an unpaired surrogate (half of a character)")
        with self._turn():
            return self._hasher.hash(_normalised(password))

    def verify(self, stored: str | None, password: str, rank: float = 0.0) -> bool:
        """Returns whether a password is the stored one.

        Args:
            stored: Hash; None: there is no such user or no password, which takes the same time and is False.
            rank: Lower ones come first. Where too many wait, the highest is given up.

        Raises:
            BusyError: Too many are being verified.
        """
        expected = self._nobody if stored is None else stored
        given = password[:LONGEST] if _is_text(password) else ""
        with self._turn(rank):
            try:
                matches = self._hasher.verify(expected, _normalised(given))
            except (VerificationError, InvalidHashError):
                return False
        return matches and stored is not None

    @cached_property
    def _nobody(self) -> str:
        """Hash that is verified for unknown users."""
        return self._hasher.hash("a user who does not exist")

    def prepare(self) -> None:
        """Makes the hash for unknown users in advance, so that the first of them takes no longer than others."""
        _ = self._nobody

    @contextmanager
    def _turn(self, rank: float = 0.0) -> Iterator[None]:
        mine = (rank, next(self._order))
        with self._changed:
            self._waiting.append(mine)
            if len(self._waiting) > _MOST_WAITING:
                self._waiting.remove(max(self._waiting))
                self._changed.notify_all()
            self._changed.wait_for(lambda: mine not in self._waiting or self._is_next(mine), timeout=_PATIENCE)
            begins = self._is_next(mine)
            if mine in self._waiting:
                self._waiting.remove(mine)
            if not begins:
                raise BusyError("too many logins at once", hint="try again in a few seconds")
            self._running += 1
            self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._running -= 1
                self._changed.notify_all()

    def _is_next(self, mine: tuple[float, int]) -> bool:
        return mine in self._waiting and self._running < AT_ONCE and min(self._waiting) == mine


def _is_text(password: str) -> bool:
    """Returns whether a password can be hashed: JSON may contain unpaired surrogates."""
    return not any("\ud800" <= character <= "\udfff" for character in password)


def _normalised(password: str) -> str:
    """Normalises a password, so that the same characters typed on different keyboards are equal."""
    return unicodedata.normalize("NFC", password)
