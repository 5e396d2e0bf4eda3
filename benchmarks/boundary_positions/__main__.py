"""``python -m benchmarks.boundary_positions --out result.json``: evaluations until the lowest structure of Σ59 is found.

Searches are replayed on tables of every candidate, with starts on mirror planes of the boundary (``special``) and without
(``general``).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.boundary_positions.pools import POSITIONS, compute, pool, values
from benchmarks.command import begun, command
from benchmarks.replays.choices import choices
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.proposer import ArmsProposerSpec, GPProposerSpec, ProposerBase, RandomProposerSpec
from tansaku.tasks.node.jobs.machine import describe_machine
from tansaku.tasks.node.jobs.spool_files import write_json

METHODS: dict[str, ProposerBase] = {"gp": GPProposerSpec(), "arms": ArmsProposerSpec(), "random": RandomProposerSpec()}

TOLERANCE = 2.0
"""An energy is the lowest one if it is at most so much above it [mJ/m^2]: relaxations of the search are rough."""

SHARE = 39
"""Evaluations per boundary, the same share as in ``examples/al-110-tilt-38.yaml``: 1,500 evaluations for 38 boundaries."""


def evaluations(positions: str, method: str, seed: int) -> int:
    """After how many evaluations a search meets the lowest energy of both tables."""
    energies = values(positions)
    lowest = min(float(np.nanmin(values(each))) for each in POSITIONS)
    for number, position in enumerate(choices(pool(positions), energies, METHODS[method], seed), start=1):
        if energies[position] <= lowest + TOLERANCE:
            return number
    raise AssertionError(f"{positions}: no candidate has the lowest energy")


def print_summary(rows: list[JsonDict]) -> None:
    """A line for each way to search."""
    print("method  positions  candidates  lowest   evaluations: median, mean, most   missed after", SHARE)
    for method in METHODS:
        for positions in POSITIONS:
            spent = np.array([row["evaluations"] for row in rows if (row["method"], row["positions"]) == (method, positions)])
            known = values(positions)
            hits = int((known <= np.nanmin(known) + TOLERANCE).sum())
            counts = f"{np.median(spent):21.0f} {spent.mean():5.1f} {spent.max():5}"
            print(f"{method:7} {positions:10} {len(known):9} {hits:7} {counts} {100 * (spent > SHARE).mean():12.0f} %")


def main() -> None:
    """Runs the comparison; an interrupted one continues."""
    parser = command("boundary_positions", __doc__, quick="two seeds")
    parser.add_argument("--seeds", type=int, default=24, help="searches of each kind (default 24)")
    parser.add_argument(
        "--potential", type=Path, metavar="FOLDER", help="has Al99.eam.alloy: compute what the tables lack first"
    )
    given = parser.parse_args()
    if given.potential is not None:
        for positions in POSITIONS:
            compute(positions, given.potential.resolve())
    result = begun(given.out, {"version": 1}, rows=[], provenance=describe_machine())
    rows = result["rows"]
    done = {(row["positions"], row["method"], row["seed"]) for row in rows}
    for seed in range(2 if given.quick else given.seeds):
        for method in METHODS:
            for positions in POSITIONS:
                if (positions, method, seed) not in done:
                    spent = evaluations(positions, method, seed)
                    rows.append({"positions": positions, "method": method, "seed": seed, "evaluations": spent})
        write_json(given.out, result)
    print_summary(rows)


if __name__ == "__main__":
    main()
