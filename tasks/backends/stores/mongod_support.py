"""End of support of MongoDB's release series."""

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
"""The major release to install; pymongo of ``constraints.txt`` supports no newer release."""


@dataclass(frozen=True)
class Support:
    """Whether a server's series is supported.

    Attributes:
        ended: Whether the series no longer gets fixes.
        text: Description.
        hint: What to do, None if nothing.
    """

    ended: bool
    text: str
    hint: str | None = None


def support_of(version: str, today: date) -> Support:
    """Looks up the support of a server's version.

    Args:
        version: As the server reports it, ``6.0.5``.
        today: The day it is asked for.
    """
    found = re.match(r"(\d+)\.(\d+)", version)
    series = (int(found[1]), int(found[2])) if found is not None else (0, 0)
    name = f"MongoDB {series[0]}.{series[1]}"
    end = END_OF_LIFE.get(series)
    if end is None and series > min(END_OF_LIFE):
        return Support(ended=False, text=f"the end of support of {name} is not known")
    if end is not None and today <= end:
        return Support(ended=False, text=f"{name} is supported until {end}")
    since = "" if end is None else f" since {end}"
    return Support(
        ended=True,
        text=f"{name} is no longer supported{since}",
        hint=f"put mongod {NEWEST[0]}.{NEWEST[1]} on the PATH, or set TANSAKU_MONGO_URI to a server: docs/reference/mongodb.md",
    )
