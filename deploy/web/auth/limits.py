"""Lets attempts to log in that follow wrong ones wait for their turn, each address by itself. No name is locked."""

from __future__ import annotations

import asyncio
import hashlib
import ipaddress
import secrets
import threading
import time
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

INTERVAL = 1.0
"""Time between wrong attempts of one asker, once those that are free are used up [s]."""
PLACE_KEPT = 15.0
"""Time for which an attempt that was refused keeps its place for whoever sends the same again [s]."""

_PATIENCE = 2.0  # [s]
_POLL = 0.1  # [s]
_MOST_WAITING, _MOST_WAITING_IN_ALL = 32, 256
_MOST_KEYS = 10_000
_IPV6_NETWORK = 64


@dataclass
class _Wrong:
    """The number of wrong attempts that count at a time; one less each :data:`INTERVAL`."""

    count: float = 0.0
    at: float = 0.0


@dataclass(eq=False)
class _Place:
    """A place in the queue of an asker: since when somebody has asked for this attempt, and when last."""

    since: float
    last: float


@dataclass
class AttemptLimiter:
    """Admits attempts, those that were asked for first before others; thread-safe and of bounded memory.

    Who guesses sends a new password each time, and who knows the password sends the same again. An attempt whose turn does not
    come keeps its place, therefore the second one of somebody who knows the password comes before all new guesses.

    Attributes:
        attempts: Wrong ones of an asker that are free; one more each :data:`INTERVAL`.
        clock: Seconds that only increase.
        patience: Longest time that an attempt waits for its turn [s].
    """

    attempts: int
    clock: Callable[[], float] = time.monotonic
    patience: float = _PATIENCE
    _wrong: OrderedDict[str, _Wrong] = field(default_factory=OrderedDict, init=False)
    _places: OrderedDict[bytes, _Place] = field(default_factory=OrderedDict, init=False)
    _waiting: defaultdict[str, list[_Place]] = field(default_factory=lambda: defaultdict(list), init=False)
    _lock: threading.RLock = field(default_factory=threading.RLock, init=False)
    _key: bytes = field(default_factory=lambda: secrets.token_bytes(32), init=False, repr=False)

    async def turn(self, asker: str, attempt: str) -> bool:
        """Waits for the turn of an attempt, which counts as wrong until :meth:`withdraw` says that it was not.

        Args:
            asker: From whom it comes, as :func:`network_of` names an address.
            attempt: The name and password that were entered. Only a hash of them is kept.

        Returns:
            Whether it may be made. If not, it is not counted, and keeps its place for :data:`PLACE_KEPT`.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + self.patience
        with self._waits(asker, attempt) as place:
            while not self._taken(asker, place):
                if loop.time() >= until or self._crowded_out(asker, place):
                    return False
                await asyncio.sleep(_POLL)
        return True

    def admit(self, asker: str) -> bool:
        """Returns whether an attempt may be made at once; it counts as one of :meth:`turn` does."""
        with self._lock:
            wrong = self._known(asker)
            if wrong.count + 1.0 > self.attempts:
                return False
            wrong.count += 1.0
            return True

    def wrong(self, asker: str) -> float:
        """Attempts that count now, the present one included."""
        with self._lock:
            return self._known(asker).count

    def withdraw(self, asker: str) -> None:
        """Takes an admitted attempt back: its password was right."""
        with self._lock:
            wrong = self._known(asker)
            wrong.count = max(wrong.count - 1.0, 0.0)

    @contextmanager
    def _waits(self, asker: str, attempt: str) -> Iterator[_Place]:
        """The place of an attempt, which is in the queue while the context is open."""
        with self._lock:
            place = self._place(asker, attempt)
            self._waiting[asker].append(place)
        try:
            yield place
        finally:
            with self._lock:
                place.last = self.clock()
                self._waiting[asker].remove(place)
                if not self._waiting[asker]:
                    del self._waiting[asker]

    def _place(self, asker: str, attempt: str) -> _Place:
        text = f"{asker}\0{attempt}".encode("utf-8", "surrogatepass")
        key = hashlib.blake2b(text, key=self._key, digest_size=16).digest()
        now = self.clock()
        place = self._places.setdefault(key, _Place(now, now))
        if place.last < now - PLACE_KEPT:
            place.since = now
        place.last = now
        self._places.move_to_end(key)
        _forget_oldest(self._places)
        return place

    def _taken(self, asker: str, place: _Place) -> bool:
        with self._lock:
            first = min(self._waiting[asker], key=lambda waiting: waiting.since)
            if first is not place or not self.admit(asker):
                return False
            place.since = self.clock()  # the same once more is a new attempt
            return True

    def _crowded_out(self, asker: str, place: _Place) -> bool:
        """Returns whether too many wait, and this one came last."""
        with self._lock:
            queue = self._waiting[asker]
            if len(queue) <= _MOST_WAITING and sum(map(len, self._waiting.values())) <= _MOST_WAITING_IN_ALL:
                return False
            return place is max(queue, key=lambda waiting: waiting.since)

    def _known(self, asker: str) -> _Wrong:
        now = self.clock()
        wrong = self._wrong.setdefault(asker, _Wrong(at=now))
        wrong.count = max(wrong.count - (now - wrong.at) / INTERVAL, 0.0)
        wrong.at = now
        self._wrong.move_to_end(asker)
        _forget_oldest(self._wrong)
        return wrong


def _forget_oldest(kept: OrderedDict[Any, Any]) -> None:
    while len(kept) > _MOST_KEYS:
        kept.popitem(last=False)


def network_of(address: str) -> str:
    """The part of an address that identifies a customer: all of IPv4, the first 64 bits of IPv6."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, _IPV6_NETWORK), strict=False))
    return str(parsed)
