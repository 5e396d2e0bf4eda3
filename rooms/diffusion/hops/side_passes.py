"""Several passes of one hop: two basins may touch in more than one place, such as on both sides of an atom between them.

Each is a way of its own for the ion, and rates add up. On the border of the basins every pass is a minimum of the energy. A
border on a grid has steps, so that ripples are no passes: of two minima the higher one counts if the way between them over the
border is higher by more than a threshold (the persistence of a minimum, Edelsbrunner, Letscher & Zomorodian 2002,
https://doi.org/10.1007/s00454-002-2885-2).
"""

from __future__ import annotations

import numpy as np

from tansaku.models.domain.pool import FloatArray, IntArray
from tansaku.models.engine.percolation import neighbour_steps

_APART = 0.05
"""Two passes of a hop count as one pass if a way over the border joins them less than this above the higher of them [eV]."""


def separate_minima(places: IntArray, levels: FloatArray, around: IntArray | None = None) -> list[list[int]]:
    """Finds the minima of a border that count, the lowest first.

    Args:
        places: Points of the grid on the border, not wrapped; a point may come more than once, shape ``(n, 3)``.
        levels: Energy at which the border is crossed at each [eV], shape ``(n,)``.
        around: Steps to the neighbours of a point; None: all 26, shape ``(n, 3)``.

    Returns:
        Rows of each minimum: of all equally low points that count as one.
    """
    steps = (neighbour_steps(26) if around is None else around).tolist()
    parent: dict[tuple[int, int, int], tuple[int, int, int]] = {}
    lowest: dict[tuple[int, int, int], list[int]] = {}
    counted: list[list[int]] = []

    def root(place: tuple[int, int, int]) -> tuple[int, int, int]:
        while parent[place] != place:
            parent[place] = parent[parent[place]]
            place = parent[place]
        return place

    for row in np.argsort(levels, kind="stable").tolist():
        x, y, z = places[row].tolist()
        if (x, y, z) in parent:
            continue
        parent[x, y, z], lowest[x, y, z] = (x, y, z), [row]
        for i, j, k in steps:
            if (x + i, y + j, z + k) not in parent:
                continue
            here, there = root((x, y, z)), root((x + i, y + j, z + k))
            if here == there:
                continue
            keep, gone = sorted((here, there), key=lambda each: (levels[lowest[each][0]], lowest[each]))
            if levels[row] - levels[lowest[gone][0]] > _APART:
                counted.append(lowest[gone])
            elif levels[lowest[gone][0]] == levels[lowest[keep][0]]:
                lowest[keep] += lowest[gone]
            parent[gone] = keep
    counted += [lowest[place] for place, above in parent.items() if place == above]
    return sorted(counted, key=lambda rows: (levels[rows[0]], rows))
