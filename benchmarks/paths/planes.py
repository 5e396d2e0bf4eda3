"""``python -m benchmarks.paths.planes --out FILE``: what if the ion relaxed in planes from every point of a grid?

On the known surfaces every point falls, in its plane of constant first coordinate, to the minimum that steps down lead to. The
lowest way along the first vector over what is left is compared with that over the surface itself. Points on two sides of a
ridge within a plane are neighbours, so that crossing the ridge costs nothing any more: the barrier is too low. ``floor`` is
the barrier over the lowest points of all planes, below which no path along that vector stays.
"""

from __future__ import annotations

import argparse
import heapq
from itertools import product
from pathlib import Path

import numpy as np

from benchmarks.paths.__main__ import known_problem
from benchmarks.paths.hosts import HOSTS
from tansaku.models.domain.pool import FloatArray
from tansaku.models.domain.records import JsonDict
from tansaku.tasks.node.jobs.spool_files import write_json

_AROUND = [step for step in product((-1, 0, 1), repeat=3) if any(step)]


def fallen(surface: FloatArray) -> FloatArray:
    """Energy of the minimum that each point falls to within its plane, shape ``(n, m, k)`` as that of the surface [eV]."""
    size = surface.shape[1:]
    found = np.full_like(surface, np.inf)
    for level, plane in enumerate(surface):
        lowest = plane.copy()
        target = np.arange(plane.size).reshape(size)
        places = target.copy()
        for step in ((i, j) for i, j in product((-1, 0, 1), repeat=2) if (i, j) != (0, 0)):
            beside, where = (np.roll(values, step, axis=(0, 1)) for values in (plane, places))
            lower = beside < lowest
            lowest, target = np.where(lower, beside, lowest), np.where(lower, where, target)
        while not np.array_equal(target, target.ravel()[target]):
            target = target.ravel()[target]
        found[level] = np.where(np.isfinite(plane), plane.ravel()[target], np.inf)
    return found


def along_first(surface: FloatArray) -> float:
    """Height of the lowest way from the lowest point to its image along the first vector [eV]; infinite where there is none."""
    shape = surface.shape
    start = np.unravel_index(int(np.argmin(surface)), shape)
    first = (int(start[0]), int(start[1]), int(start[2]))
    goal = (first[0] + shape[0], first[1], first[2])
    waiting, seen, level = [(float(surface[first]), first)], {first}, -np.inf
    while waiting:
        energy, here = heapq.heappop(waiting)
        level = max(level, energy)
        if here == goal:
            return level - float(surface[first])
        for step in _AROUND:
            there = (here[0] + step[0], (here[1] + step[1]) % shape[1], (here[2] + step[2]) % shape[2])
            # No farther than a cell behind the start or past the goal.
            if there in seen or not first[0] - shape[0] <= there[0] <= goal[0] + shape[0]:
                continue
            seen.add(there)
            energy = float(surface[there[0] % shape[0], there[1], there[2]])
            if np.isfinite(energy):
                heapq.heappush(waiting, (energy, there))
    return float("inf")


def compare(name: str) -> JsonDict | None:
    """A host's barrier along the first vector: over its surface, over what falls within planes, and their floor."""
    host = next(host for host in HOSTS if host.name == name)
    problem = known_problem(host)
    if problem is None:
        return None
    grid = problem.pool.grids[problem.pool.systems[0]]
    surface = np.where(grid.members >= 0, problem.values[grid.members], np.inf).reshape(grid.shape)
    floor = float(surface.min(axis=(1, 2)).max() - surface.min())
    return {"host": name, "surface": along_first(surface), "planes": along_first(fallen(surface)), "floor": floor}


def main() -> None:
    """Entry of the command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.paths.planes", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="result file (JSON)")
    parser.add_argument("--hosts", nargs="+", default=[host.name for host in HOSTS], help="which")
    given = parser.parse_args()
    rows = []
    for name in given.hosts:
        row = compare(name)
        if row is not None:
            rows.append(row)
            print(row, flush=True)
    write_json(given.out, {"schema_version": 1, "hosts": rows})


if __name__ == "__main__":
    main()
