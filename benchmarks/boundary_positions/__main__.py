"""``python -m benchmarks.boundary_positions --out result.json``: evaluations until known boundaries are found.

Searches are replayed on tables of every candidate, with starts on mirror planes of the boundaries (``special``) and without
(``general``). Each begins with one candidate of every boundary and ends with its budget.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from benchmarks.boundary_positions.tables import POSITIONS, compute, pool, values
from benchmarks.command import begun, command
from benchmarks.replays.choices import choices
from benchmarks.replays.table import restricted
from tansaku.models.domain.pool import CandidatePool, FloatArray
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.proposer import ArmsProposerSpec, GPProposerSpec, ProposerSpec, RandomProposerSpec
from tansaku.tasks.jobs.spool_files import write_json

METHODS: dict[str, ProposerSpec] = {
    "gp": GPProposerSpec(),
    "arms": ArmsProposerSpec(),
    "random": RandomProposerSpec(by_system=True),
}

TOLERANCE = 2.0
"""An energy is the lowest one if it is at most so much above it [mJ/m^2]: relaxations of the search are rough."""

SHARE = 1500 / 38
"""Evaluations for each boundary: those of ``examples/al-110-tilt-38.yaml``."""

LONE = "s059-3_3_10"
"""The boundary that is also searched alone."""


def search(part: CandidatePool, energies: FloatArray, known: FloatArray, chosen: Iterable[int]) -> JsonDict:
    """Searches some boundaries.

    Args:
        part: Their candidates.
        energies: Of these [mJ/m^2], shape ``(n_candidates,)``.
        known: Lowest energies of the boundaries [mJ/m^2], shape ``(n_boundaries,)``.
        chosen: Positions in the order of their evaluation; the search ends before where all these energies are found.

    Returns:
        For each boundary its ``evaluations`` and after how many of them it was ``found``, or null.
    """
    codes = part.system_codes
    spent, found = np.zeros(len(known), dtype=int), np.zeros(len(known), dtype=int)
    for position in chosen:
        system = codes[position]
        spent[system] += 1
        if not found[system] and energies[position] <= known[system] + TOLERANCE:
            found[system] = spent[system]
            if found.all():
                break
    rows = zip(part.systems, spent.tolist(), found.tolist(), strict=True)
    return {name: {"evaluations": evaluations, "found": hit or None} for name, evaluations, hit in rows}


def lowest(names: Sequence[str]) -> FloatArray:
    """Lowest energies of boundaries in both tables [mJ/m^2], shape ``(n_boundaries,)``."""
    found = np.full(len(names), np.inf)
    for positions in POSITIONS:
        everything = pool(positions)
        for place, name in enumerate(names):
            own = everything.system_codes == everything.systems.index(name)
            found[place] = min(found[place], np.nanmin(values(positions)[own]))
    return found


def run(positions: str, method: str, seed: int, *, alone: bool) -> JsonDict:
    """One search of all boundaries together, or of the one that is searched alone."""
    everything = pool(positions)
    names = [LONE] if alone else list(everything.systems)
    part, kept = restricted(everything, [everything.systems.index(name) for name in names])
    most = len(kept) if alone else round(SHARE * len(names))
    energies = values(positions)[kept]
    chosen = itertools.islice(choices(part, energies, METHODS[method], seed), most)
    found = search(part, energies, lowest(names), chosen)
    return {"positions": positions, "method": method, "seed": seed, "alone": alone, "systems": found}


def print_summary(rows: list[JsonDict]) -> None:
    """A line for each way to search."""
    for alone in (True, False):
        print(f"{LONE} alone" if alone else "all boundaries together")
        for method in METHODS:
            for positions in POSITIONS:
                own = [
                    row["systems"]
                    for row in rows
                    if (row["alone"], row["method"], row["positions"]) == (alone, method, positions)
                ]
                if not own:
                    continue
                hits = [system["found"] for systems in own for system in systems.values()]
                lone = [systems[LONE]["found"] for systems in own]
                middle = np.median([hit or np.inf for hit in lone])
                print(
                    f"  {method:7} {positions:8} {sum(map(bool, hits))} of {len(hits)} found; "
                    f"{LONE}: {sum(map(bool, lone))} of {len(lone)}, median {middle:.0f} evaluations"
                )


def main() -> None:
    """Runs the comparison; an interrupted one continues."""
    parser = command("boundary_positions", __doc__, quick="the lone boundary, two seeds")
    parser.add_argument("--seeds", type=int, default=8, help="searches of each kind (default 8)")
    parser.add_argument(
        "--potential", type=Path, metavar="FOLDER", help="first compute what the tables lack, with FOLDER/Al99.eam.alloy"
    )
    given = parser.parse_args()
    if given.potential is not None:
        for positions in POSITIONS:
            compute(positions, given.potential.resolve())
    result = begun(given.out, {"version": 1, "quick": given.quick}, rows=[])
    rows = result["rows"]
    done = {(row["positions"], row["method"], row["seed"], row["alone"]) for row in rows}
    for seed in range(2 if given.quick else given.seeds):
        for alone in (True,) if given.quick else (True, False):
            for method in METHODS:
                for positions in POSITIONS:
                    if (positions, method, seed, alone) not in done:
                        rows.append(run(positions, method, seed, alone=alone))
        write_json(given.out, result)
    print_summary(rows)


if __name__ == "__main__":
    main()
