"""Replayed campaigns that search all boundaries of a pool at once, with one budget."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from benchmarks.boundary_search.cases import METHODS, TOLERANCE
from benchmarks.boundary_search.replays import POOLS, seconds_per_atom
from benchmarks.replays.choices import choices
from benchmarks.replays.table import whole
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.proposer import ArmsProposerSpec, ProposerBase

TOGETHER: dict[str, tuple[ProposerBase, int, int | None]] = {
    "arms": (METHODS["arms"].proposer, 1000, None),
    "arms-without-gp": (METHODS["arms-without-gp"].proposer, 1000, None),
    "arms-alone": (ArmsProposerSpec(across_systems=False), 1000, None),
    "gp": (METHODS["gp"].proposer, 3, 300),
    "random": (METHODS["random"].proposer, 1000, None),
}
"""By name: how candidates are chosen, and the most seeds and evaluations. ``arms-alone`` learns nothing across boundaries."""


def shared_pools(folder: Path = POOLS) -> Iterator[Path]:
    """Campaign files of the pools with more than one boundary."""
    yield from (table for table in sorted(folder.glob("*/*-table.yaml")) if len(whole(table)[0].systems) > 1)


def together(table: Path, spec: ProposerBase, seed: int, most: int | None = None) -> JsonDict:
    """Searches a pool until the lowest energy of each of its boundaries is found.

    Args:
        table: Campaign file of the pool.
        spec: How candidates are chosen.
        seed: Of the search.
        most: Evaluations it may spend; None: all.

    Returns:
        For each boundary that was ``found`` the campaign's ``evaluations``, ``atoms`` and ``core_seconds`` up to then, and the
        same ``in_all``.
    """
    pool, values = whole(table)
    targets = [np.nanmin(values[pool.system_codes == system]) + TOLERANCE for system in range(len(pool.systems))]
    found: dict[str, JsonDict] = {}
    evaluations, atoms, begin = 0, 0.0, time.process_time()

    def spent() -> JsonDict:
        seconds = time.process_time() - begin + atoms * seconds_per_atom(table)
        return {"evaluations": evaluations, "atoms": atoms, "core_seconds": round(seconds, 2)}

    for position in itertools.islice(choices(pool, values, spec, seed), most):
        evaluations += 1
        atoms += float(pool.cost[position])
        system = int(pool.system_codes[position])
        if pool.systems[system] not in found and values[position] <= targets[system]:
            found[pool.systems[system]] = spent()
        if len(found) == len(targets):
            break
    return {"case": table.parent.name, "seed": seed, "boundaries": len(targets), "found": found, "in_all": spent()}


def campaign_rows(rows: list[JsonDict], methods: Sequence[str], seeds: int, *, quick: bool) -> Iterator[JsonDict]:
    """The campaigns that are missing, each as it ends.

    Args:
        rows: Those there are; each new one is added.
        methods: Names in :data:`TOGETHER`.
        seeds: Of each pool.
        quick: Whether the first pool is enough.
    """
    done = {(row["case"], row["method"], row["seed"]) for row in rows}
    for table in itertools.islice(shared_pools(), 1 if quick else None):
        # Potential and cells are opened before anything is timed.
        seconds_per_atom(table)
        for method in methods:
            spec, most_seeds, most = TOGETHER[method]
            for seed in range(min(seeds, most_seeds)):
                if (table.parent.name, method, seed) not in done:
                    rows.append({"method": method, **together(table, spec, seed, most)})
                    yield rows[-1]


def print_campaigns(rows: Sequence[JsonDict]) -> None:
    """A line for each boundary and method, and one for all boundaries of a pool."""
    print(
        "campaigns                    method       found     evaluations: mean, nine of ten   core-seconds, mean, nine of ten"
    )
    for case, method in dict.fromkeys((row["case"], row["method"]) for row in rows):
        own = [row for row in rows if (row["case"], row["method"]) == (case, method)]
        for boundary in (*sorted({name for row in own for name in row["found"]}), "all"):
            hit = [len(row["found"]) == row["boundaries"] if boundary == "all" else boundary in row["found"] for row in own]
            # A search that did not find it spent at least what it spent in all.
            counts = [row["in_all"] if boundary == "all" else row["found"].get(boundary, row["in_all"]) for row in own]
            shown = []
            for key in ("evaluations", "core_seconds"):
                numbers = [count[key] for count in counts]
                shown += [np.mean(numbers), np.quantile(numbers, 0.9)]
            print(
                f"{case + ' ' + boundary:28} {method:12} {sum(hit):2}/{len(own):<2} {shown[0]:17.0f} {shown[1]:15.0f} "
                f"{shown[2]:20.1f} {shown[3]:15.1f}"
            )
