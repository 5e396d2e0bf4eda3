"""``python -m benchmarks.levels --out result.json``: searches that may look at a cheap level.

Cost counts looks and wanted values, in units of a wanted value. ``needed`` is the cost at which a wanted value within 1 % of
the best was bought; searches that had none count as the budget. ``bought`` and ``single`` are the product's own search,
``screened`` is its search after a look at all; ``transfer`` also learns from the full values of lithium, ``misled`` from these
shuffled. The others begin with five random candidates, ``botorch-mes``, ``botorch-kg``, ``ax-mes`` and ``bofire`` at both
levels. ``bofire`` needs an environment of its own, with ``bofire[optimization]`` and what tansaku imports. An interrupted run
continues. One thread: ``OMP_NUM_THREADS=1``.

Tables of ``--data``, ``cofs``, ``freesolv`` and ``polarizability``, are searched with a budget of 50. Tables of tavorites are
searched for the best compound with a budget of 25, or for all low barriers (``below``) with 50: ``found_at`` has the cost of
each that was found. ``settings.json`` describes the look, chosen on lithium, with its cost measured there
(``benchmarks.looks``); the result has the file's hash. ``--figure`` draws the tables of tavorites.
"""

from __future__ import annotations

import hashlib
import time
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path

import numpy as np

from benchmarks.command import begun, collect, command, figure_file, results
from benchmarks.intervals import wilson
from benchmarks.levels.methods import ELSEWHERE, METHODS, OF_SODIUM
from benchmarks.levels.tables import BELOW, BUDGET, BUDGET_OF_BEST, COSTS, SETTINGS, SHAPES, TAVORITES, read_table
from tansaku.models.domain.pool import FloatArray
from tansaku.models.domain.records import JsonDict
from tansaku.tasks.node.jobs.machine import describe_machine
from tansaku.tasks.node.jobs.spool_files import write_json
from tansaku.tasks.read.figures.style import ACCENT, FAINT, INK, MAIN

SEEDS = 20
CLOSE = 0.01
"""Distance from the best value that counts as found, in units of that value."""

OF_BOTORCH = ("botorch-mes", "botorch-kg", "botorch-single", "ax-mes")
SHAPES_OF = dict.fromkeys(("bought", "screened", "botorch-mes", "botorch-kg", "ax-mes", "screen"), SHAPES)
"""Methods that use the cheap level see all shapes of a table, others one."""

QUICK = ("cofs",)
AT = (10, 15, 25, 50, 100)
"""Costs at which the tables of tavorites are judged."""


@dataclass(frozen=True)
class Case:
    """One search."""

    table: str
    shape: str
    method: str
    seed: int


def searched(case: Case, folder: Path | None) -> JsonDict:
    """Runs a search until it has all that is wanted or has spent the budget."""
    table = read_table(folder, case.table, case.shape)
    best, wanted = np.nanmin(table.values[:, 1]), len(table.wanted())
    goal = best + CLOSE * abs(best) if table.threshold is None else table.threshold
    spent, lowest, looks, full, began = 0.0, np.inf, 0, 0, time.process_time()
    found_at: list[float] = []
    for candidate, level in METHODS[case.method](table, case.seed):
        price = 1.0 if level else table.cost
        if spent + price > table.budget + 1e-9:
            break
        spent += price
        looks, full = looks + (not level), full + level
        value = table.values[candidate, 1] if level else np.nan
        lowest = min(lowest, value)
        found_at += [round(spent, 6)] if value <= goal else []
        if len(found_at) == wanted:
            break
    return asdict(case) | {
        "needed": found_at[-1] if len(found_at) == wanted else None,
        "found_at": found_at,
        "wanted": wanted,
        "gap": round(float((lowest - best) / abs(best)), 6) if np.isfinite(lowest) else None,
        "looks": looks,
        "full": full,
        "seconds": round(time.process_time() - began, 3),
    }


def summary(runs: list[JsonDict]) -> list[JsonDict]:
    """Mean, standard error and median of the cost by table, shape and method."""
    rows = []
    for key in dict.fromkeys((run["table"], run["shape"], run["method"]) for run in runs):
        own = [run for run in runs if (run["table"], run["shape"], run["method"]) == key]
        budget = BUDGET_OF_BEST if key[0] in TAVORITES and " below" not in key[0] else BUDGET
        budget *= 2.0 if " long" in key[0] else 1.0
        needed = np.array([budget if run["needed"] is None else run["needed"] for run in own])
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
            | (_by_cost(own) if key[0] in TAVORITES else {})
        )
    return rows


def _by_cost(runs: list[JsonDict]) -> JsonDict:
    """Share of what is wanted that was found at some costs, and its 95 % interval; of a single one that is P(best)."""
    shares = np.array([[sum(cost <= at + 1e-9 for cost in run["found_at"]) / run["wanted"] for at in AT] for run in runs])
    mean, count = shares.mean(axis=0), len(runs)
    half = 1.96 * shares.std(axis=0, ddof=1) / np.sqrt(count) if count > 1 else np.zeros(len(AT))
    low, high = wilson(mean, count) if runs[0]["wanted"] == 1 else (mean - half, mean + half)
    name = "p_best" if runs[0]["wanted"] == 1 else "share"
    return {name: {str(at): [float(part[i]) for part in (mean, low, high)] for i, at in enumerate(AT)}}


def cases(tables: tuple[str, ...], methods: tuple[str, ...], seeds: int, shapes: tuple[str, ...] = SHAPES) -> list[Case]:
    """All searches, those of one seed after the other."""
    return [
        Case(table, shape, method, seed)
        for seed, table, method in product(range(seeds), tables, methods)
        for shape in SHAPES_OF.get(method, SHAPES[:1])
        if shape in shapes
    ]


@dataclass(frozen=True)
class _Searched:
    """The search of a case; a value, so that other processes can run it."""

    folder: Path | None

    def __call__(self, case: Case) -> JsonDict:
        return searched(case, self.folder)


_PANELS = {
    "Li": "best lithium tavorite",
    "Na": "best sodium tavorite",
    "Li below": "low barriers of lithium",
    "Na below": f"barriers of sodium below {BELOW} eV",
}
_LINES = {
    "bought": ("looks bought", MAIN, "-"),
    "screened": ("a look at all first", "#15803d", "-"),
    "single": ("no looks", ACCENT, "-"),
    "screen": ("order of the looks", FAINT, "--"),
    "random": ("random", FAINT, ":"),
}
_SHUFFLED = ("looks bought, shuffled", "#7e22ce", "-.")
_GOALS = {False: (25, 0.90), True: (50, 0.85)}
"""Cost and what is wanted there: chance of the best, or share of all below."""


def draw(result: JsonDict, path: Path) -> None:
    """Draws a panel for each table of tavorites that was searched.

    Args:
        result: What ``tavorites.json`` holds.
        path: Of the figure.
    """
    tables = [name for name in _PANELS if any(run["table"] == name for run in result["runs"])]
    lines = {(SHAPES[0], method): style for method, style in _LINES.items()} | {(SHAPES[-1], "bought"): _SHUFFLED}
    with figure_file(path, 7.4, 2.9 * ((len(tables) + 1) // 2), dpi=200) as figure:
        for ax, table in zip(figure.subplots((len(tables) + 1) // 2, 2, squeeze=False).flat, tables, strict=False):
            every = "below" in table
            costs = np.linspace(0.0, BUDGET if every else BUDGET_OF_BEST, 201)
            for (shape, method), (label, colour, line) in lines.items():
                found = [run for run in result["runs"] if (run["table"], run["shape"], run["method"]) == (table, shape, method)]
                if not found:
                    continue
                shares = _shares(found, costs)
                mean = shares.mean(axis=0)
                ax.plot(costs, mean, color=colour, ls=line, lw=1.4, label=label)
                if (shape, method) == (SHAPES[0], "bought") and not every:
                    ax.fill_between(costs, *wilson(mean, len(found)), color=colour, alpha=0.15, lw=0.0)
            ax.plot(*_GOALS[every], "*", ms=8, color=INK, clip_on=False, label="goal", ls="")
            ylabel = "share found" if every else "chance of having found it"
            ax.set(title=_PANELS[table], xlabel="cost, looks counted [full evaluations]", ylabel=ylabel)
            ax.set(xlim=(0.0, costs[-1]), ylim=(0.0, 1.02))
        labelled = dict(zip(*reversed(figure.axes[0].get_legend_handles_labels()), strict=True))
        figure.legend(labelled.values(), labelled.keys(), loc="outside lower center", ncols=4)


def _shares(runs: list[JsonDict], costs: FloatArray) -> FloatArray:
    """Share of what is wanted that each run had found at some costs, shape ``(n_runs, n_costs)``."""
    return np.array([(np.array(run["found_at"])[:, None] <= costs + 1e-9).sum(axis=0) / run["wanted"] for run in runs])


def main() -> None:
    """Runs the searches and writes the result now and then."""
    quick = "one table, two seeds, without BoTorch"
    parser = command("levels", __doc__, quick=quick, figure="tavorites found over cost", jobs="searches")
    parser.add_argument("--data", type=Path, help="folder of the public tables")
    parser.add_argument("--tables", nargs="+", choices=[*COSTS, *TAVORITES], help="default: the public ones, or all tavorites")
    parser.add_argument("--shapes", nargs="+", choices=SHAPES, help="default: all for methods that use the cheap level")
    usual = [name for name in METHODS if name not in (*ELSEWHERE, *OF_SODIUM)]
    parser.add_argument(
        "--methods", nargs="+", default=usual, choices=list(METHODS), help="default: all but bofire, transfer and misled"
    )
    parser.add_argument("--seeds", type=int, default=SEEDS, help=f"default: {SEEDS}")
    options = parser.parse_args()
    methods = tuple(name for name in options.methods if not (options.quick and name in OF_BOTORCH))
    tables = tuple(options.tables or (TAVORITES if options.data is None else QUICK if options.quick else COSTS))
    wanted = cases(tables, methods, 2 if options.quick else options.seeds, tuple(options.shapes or SHAPES))
    fixed = {} if options.data else {"settings": hashlib.sha256(SETTINGS.read_bytes()).hexdigest()}
    found = begun(options.out, {"schema_version": 1, "budget": BUDGET, "close": CLOSE} | fixed, runs=[])
    done = {(run["table"], run["shape"], run["method"], run["seed"]) for run in found["runs"]}
    left = [case for case in wanted if (case.table, case.shape, case.method, case.seed) not in done]

    def write() -> None:
        write_json(options.out, found | {"machine": describe_machine(), "summary": summary(found["runs"])})

    collect(found["runs"], results(_Searched(options.data), left, options.jobs), write)
    if left:
        write()
    if options.figure:
        draw(found, options.figure)
    for row in summary(found["runs"]):
        shares = row.get("p_best") or row.get("share") or {}
        error = "" if row["error"] is None else f" ± {row['error']:.1f}"
        print(
            f"{row['table']:<15} {row['shape']:<12} {row['method']:<15} found {row['found']:>2} of {row['seeds']:>2}, "
            f"cost {row['mean']:.1f}{error}, median {row['median']:.1f}, looks {row['looks']:.0f}",
            *(f"{at}: {share:.2f} [{low:.2f}]" for at, (share, low, _) in shares.items()),
        )


if __name__ == "__main__":
    main()
