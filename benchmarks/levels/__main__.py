"""``python -m benchmarks.levels --data DIR --out result.json``: searches that may look at a cheap level.

``DIR`` holds ``cofs.csv``, ``freesolv.csv`` and ``polarizability.csv``. Cost counts looks and wanted values in units of a
wanted value. ``needed`` is the cost at which a wanted value within 1 % of the best was bought; searches that had none at 50
count as 50. ``bought`` and ``single`` are the product's own search, BoTorch's begin with five random candidates,
``botorch-mes`` at both levels. An interrupted run continues. One thread: ``OMP_NUM_THREADS=1``.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path

import numpy as np

from benchmarks.command import begun, command, results
from benchmarks.levels.methods import BUDGET, METHODS
from benchmarks.levels.tables import COSTS, SHAPES, read_table
from tansaku.models.domain.records import JsonDict
from tansaku.tasks.node.jobs.machine import describe_machine
from tansaku.tasks.node.jobs.spool_files import write_json

SEEDS = 20
CLOSE = 0.01
"""Distance from the best value that counts as found, in units of that value."""

OF_BOTORCH = ("botorch-mes", "botorch-single")
SHAPES_OF = {"bought": SHAPES, "botorch-mes": SHAPES, "screen": SHAPES}
"""Methods that use the cheap level see all shapes of a table, others one."""

QUICK = ("cofs",)


@dataclass(frozen=True)
class Case:
    """One search."""

    table: str
    shape: str
    method: str
    seed: int


def searched(case: Case, folder: Path) -> JsonDict:
    """Runs a search until it has the best value or has spent the budget."""
    table = read_table(folder, case.table, case.shape)
    best = table.values[:, 1].min()
    goal = best + CLOSE * abs(best)
    spent, lowest, looks, full, needed, began = 0.0, np.inf, 0, 0, None, time.process_time()
    for candidate, level in METHODS[case.method](table, case.seed):
        price = 1.0 if level else table.cost
        if spent + price > BUDGET + 1e-9:
            break
        spent += price
        looks, full = looks + (not level), full + level
        lowest = min(lowest, table.values[candidate, 1]) if level else lowest
        if lowest <= goal:
            needed = spent
            break
    return asdict(case) | {
        "needed": needed,
        "gap": float((lowest - best) / abs(best)) if np.isfinite(lowest) else None,
        "looks": looks,
        "full": full,
        "seconds": time.process_time() - began,
    }


def summary(runs: list[JsonDict]) -> list[JsonDict]:
    """Mean, standard error and median of the cost by table, shape and method."""
    rows = []
    for key in dict.fromkeys((run["table"], run["shape"], run["method"]) for run in runs):
        own = [run for run in runs if (run["table"], run["shape"], run["method"]) == key]
        needed = np.array([BUDGET if run["needed"] is None else run["needed"] for run in own])
        error = float(needed.std(ddof=1) / np.sqrt(len(own))) if len(own) > 1 else None
        rows.append(
            {
                "table": key[0],
                "shape": key[1],
                "method": key[2],
                "seeds": len(own),
                "found": sum(run["needed"] is not None for run in own),
                "mean": float(needed.mean()),
                "error": error,
                "median": float(np.median(needed)),
                "looks": float(np.mean([run["looks"] for run in own])),
                "seconds": float(np.mean([run["seconds"] for run in own])),
            }
        )
    return rows


def cases(tables: tuple[str, ...], methods: tuple[str, ...], seeds: int) -> list[Case]:
    """All searches, those of one seed after the other."""
    return [
        Case(table, shape, method, seed)
        for seed, table, method in product(range(seeds), tables, methods)
        for shape in SHAPES_OF.get(method, SHAPES[:1])
    ]


@dataclass(frozen=True)
class _Searched:
    """The search of a case; a value, so that other processes can run it."""

    folder: Path

    def __call__(self, case: Case) -> JsonDict:
        return searched(case, self.folder)


def main() -> None:
    """Runs the searches and writes the result after each."""
    parser = command("levels", __doc__, quick="one table, two seeds, without BoTorch", jobs="searches")
    parser.add_argument("--data", type=Path, required=True, help="folder of the tables")
    parser.add_argument("--methods", nargs="+", default=list(METHODS), choices=list(METHODS), help="default: all")
    parser.add_argument("--seeds", type=int, default=SEEDS, help=f"default: {SEEDS}")
    options = parser.parse_args()
    methods = tuple(name for name in options.methods if not (options.quick and name in OF_BOTORCH))
    wanted = cases(QUICK if options.quick else tuple(COSTS), methods, 2 if options.quick else options.seeds)
    found = begun(options.out, {"schema_version": 1, "budget": BUDGET, "close": CLOSE}, runs=[])
    done = {(run["table"], run["shape"], run["method"], run["seed"]) for run in found["runs"]}
    left = [case for case in wanted if (case.table, case.shape, case.method, case.seed) not in done]
    for run in results(_Searched(options.data), left, options.jobs):
        found["runs"].append(run)
        write_json(options.out, found | {"machine": describe_machine(), "summary": summary(found["runs"])})
    for row in summary(found["runs"]):
        error = "" if row["error"] is None else f" ± {row['error']:.1f}"
        print(
            f"{row['table']:<15} {row['shape']:<12} {row['method']:<15} found {row['found']:>2} of {row['seeds']:>2}, "
            f"cost {row['mean']:.1f}{error}, median {row['median']:.1f}"
        )


if __name__ == "__main__":
    main()
