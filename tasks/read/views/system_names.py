"""Names of systems as people know them."""

from __future__ import annotations

from tansaku.models.domain.records import JsonDict


def system_label(row: JsonDict) -> str:
    """Label of a system in figures and on the screen: ``Σ11 (113)`` or ``(1 0 -1 2)`` for a boundary, else its name.

    Args:
        row: A system's description or results row.
    """
    if "sigma" not in row or not isinstance(row.get("plane"), list):
        return str(row["system"])
    planes = [[str(index) for index in row[key]] for key in ("plane", "upper_plane") if row.get(key)]
    plane = "/".join(f"({('' if all(len(index) == 1 for index in indices) else ' ').join(indices)})" for indices in planes)
    return plane if row["sigma"] is None else f"Σ{row['sigma']} {plane}"
