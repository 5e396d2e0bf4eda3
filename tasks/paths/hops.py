"""Hops of a report, those that symmetry makes equal once."""

from __future__ import annotations

from tansaku.models.domain.records import JsonDict

_DIGITS = 6


def distinct_hops(document: JsonDict) -> list[JsonDict]:
    """One row for hops that symmetry makes equal, the lowest pass first.

    Args:
        document: Of :meth:`PathReport.document`.

    Returns:
        The first of them, with their number in a cell as ``count`` and what any of them ``limits``. Equal are hops whose passes
        are at equal points of the grid and as high seen from both ends, in either order. Their lengths may differ by a step of
        the grid, because a minimum between equal points is at any of them.
    """
    rows: dict[tuple[float, ...], JsonDict] = {}
    for hop in document["hops"]:
        ends = sorted((round(hop["forward_barrier"], _DIGITS), round(hop["reverse_barrier"], _DIGITS)))
        row = rows.setdefault((hop["class"], *ends), {**hop, "count": 0})
        row["count"] += 1
        row["limits"] = sorted({*row["limits"], *hop["limits"]})
    return list(rows.values())
