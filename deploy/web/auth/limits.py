"""Makes attempts to log in that follow wrong ones wait, by user and address and by address alone. No name is locked."""

from __future__ import annotations

import ipaddress
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

_FORGOTTEN = 60.0  # [s]
_ADDRESS_FACTOR = 4
"""From one address this many times as many attempts are free, with any names, as with one name."""
_LONGEST_OF_NAME, _LONGEST_OF_ADDRESS = 10.0, 1.0  # [s]
_MOST_KEYS = 10_000
_IPV6_NETWORK = 64


@dataclass
class _Wrong:
    """Wrong attempts of a kind: how many, when the last one was, and when the next one may be."""

    count: int = 0
    last: float = 0.0
    next: float = 0.0


class AttemptLimiter:
    """Counts wrong attempts; thread-safe and of bounded memory.

    After some free ones each attempt waits twice as long as the one before, at most ten seconds.

    Args:
        attempts: Wrong attempts of one user from one address that are free, until none was made for a minute.
        clock: Seconds that only increase.
    """

    def __init__(self, attempts: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._attempts = attempts
        self._clock = clock
        self._lock = threading.Lock()
        self._made: OrderedDict[tuple[str, ...], _Wrong] = OrderedDict()

    def admit(self, user: str, address: str) -> float:
        """Counts an attempt as wrong, until :meth:`withdraw` says that it was not.

        Args:
            user: The name as it was entered, whether such a user exists or not.
            address: Address of the request.

        Returns:
            0 if it may be made, else the seconds until the next one may; a refused attempt is not counted.
        """
        of_name, of_address = self._keys(user, address)
        with self._lock:
            now = self._clock()
            wait = max(self._known(key, now).next - now for key in (of_name, of_address))
            if wait > 0:
                return wait
            self._count(of_name, self._attempts, _LONGEST_OF_NAME, now)
            self._count(of_address, self._attempts * _ADDRESS_FACTOR, _LONGEST_OF_ADDRESS, now)
            while len(self._made) > _MOST_KEYS:
                self._made.popitem(last=False)
            return 0.0

    def withdraw(self, user: str, address: str) -> None:
        """Takes an admitted attempt back: its password was right, or it was not looked at."""
        with self._lock:
            for key in self._keys(user, address):
                if (wrong := self._made.get(key)) is not None:
                    wrong.count, wrong.next = wrong.count - 1, 0.0

    def _keys(self, user: str, address: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        network = network_of(address)
        return (network, user[:64].lower()), (network,)

    def _known(self, key: tuple[str, ...], now: float) -> _Wrong:
        known = self._made.get(key)
        return known if known is not None and known.last > now - _FORGOTTEN else _Wrong()

    def _count(self, key: tuple[str, ...], free: int, longest: float, now: float) -> None:
        wrong = self._known(key, now)
        wrong.count, wrong.last = wrong.count + 1, now
        wrong.next = now + min(2.0 ** min(wrong.count - free, 10), longest) if wrong.count >= free else 0.0
        self._made[key] = wrong
        self._made.move_to_end(key)


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
