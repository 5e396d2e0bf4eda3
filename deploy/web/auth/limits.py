"""Limits the attempts to log in, by user and address and by address alone."""

from __future__ import annotations

import ipaddress
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable

_WINDOW = 60.0  # [s]
_ADDRESS_FACTOR = 4
"""One address may make this many times as many attempts, with any names, as one user may make from it."""
_MOST_KEYS = 10_000
_IPV6_NETWORK = 64


class AttemptLimiter:
    """Counts attempts within the last minute; thread-safe and of bounded memory.

    Args:
        attempts: Attempts that one user may make from one address within a minute.
        clock: Seconds that only increase.
    """

    def __init__(self, attempts: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._attempts = attempts
        self._clock = clock
        self._lock = threading.Lock()
        self._made: OrderedDict[tuple[str, ...], deque[float]] = OrderedDict()

    def admit(self, user: str, address: str) -> float:
        """Counts an attempt.

        Args:
            user: The name as it was entered, whether such a user exists or not.
            address: Address of the request.

        Returns:
            0 if it may be made, else the seconds until the next one may; a refused attempt is not counted.
        """
        network = network_of(address)
        keys = (((network, user[:64].lower()), self._attempts), ((network,), self._attempts * _ADDRESS_FACTOR))
        with self._lock:
            now = self._clock()
            wait = max(self._wait(key, most, now) for key, most in keys)
            if wait > 0:
                return wait
            for key, _ in keys:
                self._made.setdefault(key, deque()).append(now)
                self._made.move_to_end(key)
            while len(self._made) > _MOST_KEYS:
                self._made.popitem(last=False)
            return 0.0

    def _wait(self, key: tuple[str, ...], most: int, now: float) -> float:
        made = self._made.get(key)
        if made is None:
            return 0.0
        while made and made[0] <= now - _WINDOW:
            made.popleft()
        return made[0] + _WINDOW - now if len(made) >= most else 0.0


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
