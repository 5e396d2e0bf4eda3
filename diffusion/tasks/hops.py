"""Hops of a report, those that symmetry makes equal once."""

from __future__ import annotations

from tansaku.models.domain.records import JsonDict


def distinct_hops(document: JsonDict) -> list[JsonDict]:
    """One row for hops that symmetry makes equal, the lowest pass first.

    Args:
        document: Of :meth:`PathReport.document`.

    Returns:
        The first of them, with their number in a cell as ``count`` and what any of them ``limits``. Equal are hops that an
        operation of the host maps onto each other, over passes at equal points. Their lengths may differ by a step of the grid,
        because a minimum between equal points is at any of them.
    """
    rows: dict[int, JsonDict] = {}
    for hop in document["hops"]:
        row = rows.setdefault(hop["orbit"], {**hop, "count": 0})
        row["count"] += 1
        row["limits"] = sorted({*row["limits"], *hop["limits"]})
    return list(rows.values())
