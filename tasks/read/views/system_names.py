"""Names of systems as people know them."""

from __future__ import annotations

from tansaku.models.domain.records import JsonDict


def system_label(row: JsonDict) -> str:
    """Label of a system in figures and on the screen: ``Σ11 (113)``, ``(1 0 -1 2)`` or ``(112), -2 TiO2`` for a boundary.

    Args:
        row: A system's description or results row.

    Returns:
        The system's name where it is no boundary.
    """
    if not isinstance(row.get("plane"), list):
        return str(row["system"])
    if "sigma" in row:
        plane = _planes(row, "plane", "upper_plane")
        return plane if row["sigma"] is None else f"Σ{row['sigma']} {plane}"
    if "excess" in row:
        return _of_units(row)
    return str(row["system"])


def _planes(row: JsonDict, *keys: str) -> str:
    planes = [[str(index) for index in row[key]] for key in keys if row.get(key)]
    return "/".join(f"({('' if all(len(index) == 1 for index in indices) else ' ').join(indices)})" for indices in planes)


def _of_units(row: JsonDict) -> str:
    """Label of a boundary that may have units more or fewer: its planes, how it turns, and the units of a cell."""
    if row.get("kind") is None:
        label = _planes(row, "plane")
    else:
        label = f"{_planes(row, 'plane', 'upper_plane')} {row['kind']} {row['angle']:.1f}°"
    return f"{label}, {row['excess']:+d} {row['unit']}" if row["excess"] else label
