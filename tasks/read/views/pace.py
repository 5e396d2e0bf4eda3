"""Pace of a campaign that is driven: evaluations that end in an hour, and how long its budget lasts at that rate."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime

import numpy as np

from tansaku.models.domain.pool import FloatArray
from tansaku.models.domain.records import Record
from tansaku.models.domain.wording import counted
from tansaku.tasks.read.views.budget import Used
from tansaku.tasks.read.views.campaign import Campaign

_LAST = 20
_FEWEST = 3
_MINUTE, _HOUR, _DAY = 60.0, 3600.0, 86400.0  # [s]


class Pace(Record):
    """Pace of a campaign that is driven.

    Attributes:
        rate: Evaluations that end in a second.
        left: Time until its number of evaluations or its cost is spent at that rate [s]; None without such a limit.
    """

    rate: float
    left: float | None = None

    def describe(self) -> str:
        """Describes it in words."""
        unit, length = next(((unit, length) for unit, length in _RATES if self.rate * length >= 1.0), _RATES[-1])
        said = f"{self.rate * length:.2g} evaluations {unit}"
        return said if self.left is None else f"{said}; about {describe_time(self.left)} left"


_RATES = (("a second", 1.0), ("a minute", _MINUTE), ("an hour", _HOUR), ("a day", _DAY))


def describe_time(seconds: float) -> str:
    """Describes a length of time, in the unit in which it is at least one: "4 minutes"."""
    for word, length in (("day", _DAY), ("hour", _HOUR), ("minute", _MINUTE)):
        if seconds >= length:
            return counted(round(seconds / length), word)
    return counted(round(seconds), "second")


def pace_of(campaign: Campaign, used: Sequence[Used], now: datetime) -> Pace | None:
    """Pace by the last twenty evaluations that ended since the driver began.

    Args:
        used: What is used of its budget.
        now: By the clock that leases are judged by.

    Returns:
        None where nobody drives the campaign, values come from people, or too few evaluations have ended.
    """
    if campaign.lease is None or campaign.spec.manual:
        return None
    arrays, begun = campaign.columns, math.floor(1000.0 * campaign.lease.acquired_at.timestamp())  # [ms], as the ends
    ended = np.sort(arrays.changed_at[campaign.counted & arrays.terminal])
    rate = ending_rate(ended[ended >= begun] / 1000.0, now.timestamp())
    return None if rate is None else Pace(rate=rate, left=_left(int(campaign.counted.sum()), used, rate))


def ending_rate(ended: FloatArray, now: float) -> float | None:
    """Evaluations that end in a second, None where too few have ended.

    Args:
        ended: When evaluations ended, ascending [s]; the last twenty are looked at. A campaign that hangs becomes slower.
        now: [s].
    """
    last = ended[-_LAST:]
    if len(last) < _FEWEST or now <= last[0]:
        return None
    return float((len(last) - 1) / (now - last[0]))


def _left(count: int, used: Sequence[Used], rate: float) -> float | None:
    """Time until the first limit is spent that evaluations spend [s]; None without one."""
    most = max((item.share for item in used if not item.timed and item.share is not None), default=0.0)
    return max(0.0, count / most - count) / rate if most > 0.0 else None
