"""``python -m benchmarks.paths.grid_error --out FILE``: how far off is a barrier over the points of a grid, and is that known?

The error is the difference between the barrier of bands along the best path of the whole surface (``bands`` of ``result.json``,
in one dimension) and that over the points. It is compared with what the product says of it
(:class:`~tansaku.diffusion.hops.grid_error.GridErrors`): for the whole surface with 26 and with 6 neighbours
of a point, and after searches that a certificate stopped, from the energies that these had computed and their model. It
continues a FILE.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.paths.__main__ import known_problem
from benchmarks.paths.hosts import HOSTS
from benchmarks.paths.methods import certified
from tansaku.diffusion.hops.basins import find_hops
from tansaku.diffusion.hops.grid_error import GridErrors
from tansaku.models.domain.pool import FloatArray, PeriodicGrid
from tansaku.models.domain.records import JsonDict
from tansaku.models.engine.goals import Connectivity
from tansaku.models.engine.percolation import bottleneck
from tansaku.tasks.node.jobs.machine import describe_machine
from tansaku.tasks.node.jobs.spool_files import write_json

BANDS = Path(__file__).with_name("result.json")
MOST = 45
"""Evaluations of a search."""


@dataclass(frozen=True)
class Known:
    """A surface that is known.

    Attributes:
        host: Its name.
        values: Energy of every candidate [eV].
        grid: The unfolded grid.
        cell: Of the host, vectors as rows [Å].
        band: Barrier of the bands [eV].
    """

    host: str
    values: FloatArray
    grid: PeriodicGrid
    cell: FloatArray
    band: float


def compare(surface: Known, values: FloatArray, connectivity: Connectivity) -> JsonDict:
    """True and stated error of the grid.

    Args:
        surface: The surface.
        values: What a search knows of it, or expects [eV].
        connectivity: Neighbours of a point.

    Returns:
        ``barrier`` over all points of the surface [eV], ``error``: by which that of the bands is higher, ``shift`` and
        ``bound`` as the product states them, and ``inside``: whether the error is within the bound.
    """
    barrier = bottleneck(surface.values, surface.grid, connectivity).barriers[0]
    stated = GridErrors(find_hops(values, surface.grid, surface.cell, connectivity), values, surface.grid).of(1)
    if stated is None:
        raise ValueError("no path leads through this host")
    error = surface.band - barrier
    row: JsonDict = {"host": surface.host, "connectivity": connectivity, "barrier": barrier, "error": error}
    return row | {"shift": stated.shift, "bound": stated.bound, "inside": abs(error) <= stated.bound}


def summary(rows: list[JsonDict]) -> JsonDict:
    """Share of the errors inside their bounds, and medians [eV] of errors, of bounds, and of what is left after the shift."""
    left = [abs(row["error"] - (row["shift"] or 0.0)) for row in rows]
    return {
        "number": len(rows),
        "inside": float(np.mean([row["inside"] for row in rows])),
        "error": float(np.median([abs(row["error"]) for row in rows])),
        "bound": float(np.median([row["bound"] for row in rows])),
        "after_shift": float(np.median(left)),
        "largest_after_shift": max(left),
        "without_shift": sum(row["shift"] is None for row in rows),
    }


def main() -> None:
    """Entry of the command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.paths.grid_error", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="result file (JSON)")
    parser.add_argument("--hosts", nargs="+", default=[host.name for host in HOSTS], help="which")
    parser.add_argument("--seeds", type=int, default=2, help="searches on each")
    given = parser.parse_args()
    bands = {row["host"]: row["barrier"] for row in json.loads(BANDS.read_text())["bands"]}
    result: JsonDict = {"schema_version": 1, "surfaces": [], "searches": []}
    if given.out.is_file():
        result = json.loads(given.out.read_text())
    surfaces, searches = result["surfaces"], result["searches"]
    done = {row["host"] for row in surfaces}, {(row["host"], row["seed"]) for row in searches}
    for host in (host for host in HOSTS if host.name in given.hosts):
        problem = known_problem(host)
        if problem is None:
            continue
        grid, cell = problem.pool.grids[problem.pool.systems[0]], np.asarray(host.space().host.cell.array)
        known = Known(host.name, problem.values, grid, cell, bands[host.name])
        if host.name not in done[0]:
            surfaces += [compare(known, known.values, 26), compare(known, known.values, 6)]
        for seed in (seed for seed in range(given.seeds) if (host.name, seed) not in done[1]):
            count, expected = certified(problem, seed, MOST)
            row = {"seed": seed, "evaluations": count, **compare(known, expected, 26)}
            searches.append(row)
            print(row, flush=True)
        result["summary"] = {
            "surfaces_26": summary([row for row in surfaces if row["connectivity"] == 26]),
            "surfaces_6": summary([row for row in surfaces if row["connectivity"] == 6]),
            **({"searches": summary(searches)} if searches else {}),
        }
        write_json(given.out, result | {"provenance": describe_machine()})


if __name__ == "__main__":
    main()
