"""``python -m benchmarks.hull --out result.json``: evaluations until all stable crystals of a binary alloy are computed.

The pools are ordered crystals with energies by effective-medium theory, all computed before, so that the true hull is known.
``lowest`` looks for the crystal with the lowest energy above its elements, whose energies it is given. ``random`` is the exact
expectation.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import product

import numpy as np

from benchmarks.command import command, results
from benchmarks.hull.alloys import energies, orderings, pool_of, shares_of
from benchmarks.pools import search
from tansaku.models.domain.pool import BoolArray, FloatArray
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.budget import BudgetSpec
from tansaku.models.domain.specs.campaign import ObjectiveSpec
from tansaku.models.domain.specs.proposer import GPProposerSpec
from tansaku.models.engine.proposer_registry import build_proposer
from tansaku.models.features.convex_hull import ON_HULL, lower_hull
from tansaku.tasks.node.jobs.machine import describe_machine

SEEDS = 4
METHODS = ("hull_gain", "hull_entropy", "lowest")
ALLOYS = ("Cu-Au", "Ni-Pt")
LONGEST, MOST = 3, 40


@dataclass(frozen=True)
class Case:
    """One search."""

    alloy: str
    method: str
    seed: int
    longest: int = LONGEST
    most: int = MOST


def stable(shares: FloatArray, values: FloatArray) -> BoolArray:
    """Whether each crystal is on the hull of all, shape ``(n,)``."""
    return np.asarray(lower_hull(shares, values).above <= ON_HULL)


def searched(case: Case) -> JsonDict:
    """Number of evaluations after which all stable crystals were computed; null: the search ended before."""
    first, second = case.alloy.split("-")
    crystals, columns = orderings(first, second, case.longest)
    pool, values = pool_of(crystals, columns), energies(crystals)
    shares = shares_of(crystals)
    wanted = np.flatnonzero(stable(shares, values))
    goal: JsonDict = {"type": "best_overall" if case.method == "lowest" else "on_hull"}
    objective = ObjectiveSpec.model_validate({"property": "energy_per_atom", "unit": "eV/atom", "goal": goal})
    if case.method == "lowest":
        values = lower_hull(shares, values).formation
    acquisition = "log_ei" if case.method == "lowest" else case.method
    proposer = build_proposer(GPProposerSpec.model_validate({"acquisition": acquisition, "initial_points": 3}), objective)
    order = search(pool, values, proposer, case.seed, BudgetSpec(evaluations=case.most)).positions.tolist()
    found = all(place in order for place in wanted.tolist())
    needed = max(order.index(place) for place in wanted.tolist()) + 1 if found else None
    return {**vars(case), "crystals": len(pool), "stable": len(wanted), "needed": needed}


def summary(runs: list[JsonDict]) -> list[JsonDict]:
    """Median and largest number of evaluations, by alloy and method, and the mean of random order; null: it ended before."""
    found = []
    for alloy, method in dict.fromkeys((run["alloy"], run["method"]) for run in runs):
        own = [run for run in runs if (run["alloy"], run["method"]) == (alloy, method)]
        needed = sorted(np.inf if run["needed"] is None else run["needed"] for run in own)
        middle, most = float(np.median(needed)), float(needed[-1])
        found.append(
            {
                "alloy": alloy,
                "method": method,
                "seeds": len(own),
                "complete": sum(run["needed"] is not None for run in own),
                "median": middle if np.isfinite(middle) else None,
                "most": most if np.isfinite(most) else None,
                "random": own[0]["stable"] * (own[0]["crystals"] + 1) / (own[0]["stable"] + 1),
            }
        )
    return found


def main() -> None:
    """Runs the searches and writes the result."""
    options = command("hull", __doc__, quick="one alloy of small cells, two seeds", jobs="searches").parse_args()
    alloys, seeds, longest = (ALLOYS[:1], 2, 2) if options.quick else (ALLOYS, SEEDS, LONGEST)
    cases = [Case(alloy, method, seed, longest) for alloy, method, seed in product(alloys, METHODS, range(seeds))]
    runs = list(results(searched, cases, options.jobs))
    rows = summary(runs)
    for row in rows:
        needed = f"median {row['median']}, random {row['random']:.3g}"
        print(f"{row['alloy']:<6} {row['method']:<13} complete {row['complete']} of {row['seeds']}, {needed}")
    options.out.write_text(json.dumps({"machine": describe_machine(), "summary": rows, "runs": runs}) + "\n")


if __name__ == "__main__":
    main()
