"""Whether the columns of a feature group have one unit or several."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Literal

ColumnScale = Literal["auto", "range", "none"]
"""Scale of many columns in the distances of the preset ``default``: each in units of its range, or all as they are."""

_NUMBERED = re.compile(r"(.*?)[ _.+-]*\d+(?:\.\d+)?(?: *(\[.*\]))?")
"""Name and unit of a column with a number, which may be negative: ``dos_-1.5 [1/eV]``."""


def have_different_units(scale: ColumnScale | None, columns: Sequence[str], units: Mapping[str, str] | None = None) -> bool:
    """Returns whether columns are compared in units of their ranges.

    Args:
        scale: As the spec says; None: a campaign that was created before there was such a key, which compares them as they are.
        columns: Their names. With ``auto``, numbered columns of one name (``rdf_001``, ``rdf_002``, …) are those of a histogram
            or another descriptor, which have one unit unless the names or ``units`` say otherwise.
        units: Units that the spec gives, by column.
    """
    if scale != "auto":
        return scale == "range"
    found = [_NUMBERED.fullmatch(column) for column in columns]
    names = {match.groups() for match in found if match is not None}
    return None in found or len(names) > 1 or len(set((units or {}).values())) > 1
