"""Which series of MongoDB are still supported, and until when."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

END_OF_LIFE = {
    (5, 0): date(2024, 10, 31),
    (6, 0): date(2025, 7, 31),
    (7, 0): date(2027, 8, 31),
    (8, 0): date(2029, 10, 31),
    (8, 2): date(2026, 7, 31),
}
"""End of life by series: https://www.mongodb.com/legal/support-policy/lifecycles and https://endoflife.date/mongodb."""

NEWEST = (8, 0)
"""The major release to install; pymongo of ``constraints.txt`` knows no newer one."""


@dataclass(frozen=True)
class Support:
    """Whether a server's series is supported.

    Attributes:
        ended: Whether the series gets no fixes any more.
        told: In words.
        hint: What to do; None where nothing is to be done.
    """

    ended: bool
    told: str
    hint: str | None = None


def support_of(version: str, today: date) -> Support:
    """Looks a server's version up.

    Args:
        version: As the server reports it, ``6.0.5``.
        today: The day it is asked for.
    """
    found = re.match(r"(\d+)\.(\d+)", version)
    series = (int(found[1]), int(found[2])) if found is not None else (0, 0)
    name = f"MongoDB {series[0]}.{series[1]}"
    end = END_OF_LIFE.get(series)
    if end is None and series > min(END_OF_LIFE):
        return Support(ended=False, told=f"until when {name} is supported is not known here")
    if end is not None and today <= end:
        return Support(ended=False, told=f"{name} is supported until {end}")
    since = "" if end is None else f" since {end}"
    return Support(
        ended=True,
        told=f"{name} is out of support{since}",
        hint=f"put mongod {NEWEST[0]}.{NEWEST[1]} on the PATH, or set TANSAKU_MONGO_URI to a server: docs/reference/mongodb.md",
    )
