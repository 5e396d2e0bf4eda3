"""``python -m benchmarks.boundaries.cost --out result.json``: how an acquisition should weigh cost.

On the shipped table, with its cost (atoms) and with the third power of it, up to 3 % of the exhaustive cost after the initial
points: expected improvement divided by cost to the powers 1, 0.5 and 0, and the Pandora's-box index
(:mod:`~benchmarks.boundaries.index`). All ways of a seed begin with the same candidates. An interrupted run continues.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks.boundaries.index import Indexed
from benchmarks.command import begun, command, results
from benchmarks.replays.table import CAMPAIGN, whole
from tansaku.models.domain.identifiers import file_sha256
from tansaku.models.domain.pool import CandidatePool, FloatArray
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.budget import BudgetSpec
from tansaku.models.domain.specs.proposer import GPProposerSpec
from tansaku.models.engine.gp import GPProposer
from tansaku.models.engine.presets import settings
from tansaku.tasks.act.replay.campaign import replay
from tansaku.tasks.act.replay.run import GapCurves, gap_curves
from tansaku.tasks.loop.ledger.rounds import RoundRules
from tansaku.tasks.node.jobs.machine import describe_machine
from tansaku.tasks.node.jobs.spool_files import write_json

POWERS = (1.0, 0.5, 0.0)
"""Powers of the cost by which expected improvement is divided."""

INDICES = ("index", "index-rate", "index-follows")
WAYS = (*(f"power-{power:g}" for power in POWERS), *INDICES)
SCALES = (1.0, 3.0)
"""Powers of the table's cost."""

SHARE = 0.03
SHARES = (0.01, 0.02, 0.03)
_COUNTS = (50, 100, 150, 200, 250)


@dataclass(frozen=True)
class Case:
    """One search.

    Attributes:
        way: One of :data:`WAYS`.
        scale: Power of the table's cost.
        seed: Of the search.
        share: Of the exhaustive cost.
    """

    way: str
    scale: float
    seed: int
    share: float = SHARE


def proposer_of(way: str) -> GPProposer:
    """The preset ``default`` with a way to weigh cost."""
    chosen = settings(GPProposerSpec())
    if way in INDICES:
        return Indexed(chosen, "rate" if way == "index-rate" else "index", keeps=way != "index-follows")
    return GPProposer(replace(chosen, cost_exponent=float(way.removeprefix("power-"))))


def run(case: Case) -> JsonDict:
    """Runs a search and notes its mean gap after shares of the cost and numbers of evaluations."""
    pool, values = whole()
    pool = replace(pool, cost=pool.cost**case.scale)
    curves, n_initial = searched(pool, values, proposer_of(case.way), case.seed, case.share * float(pool.cost.sum()))
    cost = curves.cost - curves.cost[n_initial - 1]
    spent = np.array([share for share in SHARES if share <= case.share] or [case.share]) * pool.cost.sum()
    return {
        "way": case.way,
        "scale": case.scale,
        "seed": case.seed,
        "gaps": curves.mean[np.searchsorted(cost, spent, side="right") - 1].tolist(),
        "after": [float(curves.mean[count - 1]) for count in _COUNTS if count <= len(cost)],
        "evaluations": len(cost),
    }


def searched(pool: CandidatePool, values: FloatArray, proposer: GPProposer, seed: int, limit: float) -> tuple[GapCurves, int]:
    """Gap curves of a search that may cost so much after its initial points, and the number of these."""
    rules = RoundRules(
        seed=seed,
        source="table",
        direction="minimize",
        budget=BudgetSpec(cost=limit),
        limit=limit,
        initial_count=proposer.initial_count(pool),
    )
    done = replay(pool, values, proposer, rules, count_initial=False)
    return gap_curves(pool, values, done.positions, "minimize", 1.0), done.n_initial


def summary(runs: Sequence[JsonDict]) -> list[JsonDict]:
    """Mean gaps of each way with standard errors, and their paired differences to the first way."""
    lines = []
    for scale in SCALES:
        found = {way: {row["seed"]: row["gaps"] for row in runs if (row["way"], row["scale"]) == (way, scale)} for way in WAYS}
        for way, rows in found.items():
            seeds = sorted(rows.keys() & found[WAYS[0]].keys())
            if len(seeds) < 2:
                continue
            mine = np.array([rows[seed] for seed in seeds])
            apart = mine - np.array([found[WAYS[0]][seed] for seed in seeds])
            lines.append(
                {
                    "way": way,
                    "scale": scale,
                    "seeds": len(seeds),
                    "gap": mine.mean(axis=0).tolist(),
                    "error": (mine.std(axis=0, ddof=1) / np.sqrt(len(seeds))).tolist(),
                    "less_first": apart.mean(axis=0).tolist(),
                    "less_first_error": (apart.std(axis=0, ddof=1) / np.sqrt(len(seeds))).tolist(),
                }
            )
    return lines


def arguments() -> argparse.Namespace:
    """The command's options."""
    parser = command("boundaries.cost", __doc__, quick="one seed and a small budget", jobs="searches")
    parser.add_argument("--seeds", type=int, default=20, help="how many")
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=WAYS, help="all by default")
    return parser.parse_args()


def main() -> None:
    """Runs what is not done yet, and writes the result after each search."""
    given = arguments()
    result = begun(given.out, {"schema_version": 1, "data": file_sha256(Path(CAMPAIGN))}, runs=[])
    done = {(row["way"], row["scale"], row["seed"]) for row in result["runs"]}
    cases = [
        Case(way, scale, seed, 0.002 if given.quick else SHARE)
        for seed in range(1 if given.quick else given.seeds)
        for scale in SCALES
        for way in given.ways
        if (way, scale, seed) not in done
    ]
    for row in results(run, cases, given.jobs):
        result["runs"].append(row)
        write_json(given.out, result | {"summary": summary(result["runs"]), "provenance": describe_machine()})
    for line in summary(result["runs"]):
        gaps = "  ".join(f"{gap:5.2f} ± {error:4.2f}" for gap, error in zip(line["gap"], line["error"], strict=True))
        apart = "  ".join(
            f"{gap:+5.2f} ± {error:4.2f}" for gap, error in zip(line["less_first"], line["less_first_error"], strict=True)
        )
        print(f"{line['way']:14} cost^{line['scale']:g}  {gaps}   less the first {apart}")


if __name__ == "__main__":
    main()
