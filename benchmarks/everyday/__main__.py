"""``python -m benchmarks.everyday --data DIR --out result.json``: small pools of experiments and computations, by method.

``DIR`` holds the folders ``olympus`` and ``alloy``. A search may evaluate a fifth of its table, 30 candidates at most. Its
score is the sum of its gaps to the best over all evaluations, in units of what random choice is expected to have: 1 is random.
``default`` is what a file without a proposer gets, ``engine-N`` the engine of that number; all other names are those of
``tansaku bench``. Methods of a seed see the candidates in the same order and begin with the same one; all but the engines 1 and
2 begin with the same three, which are those of ``default``. One thread: ``OMP_NUM_THREADS=1``.

The engine with the highest number is compared with each other method of the file: ratio of the mean scores with 95 % bounds, in
all and by table. With ``--best-of``, a result of the development half, the peer that was best there is named.

Settings are chosen with ``--half development`` (``halves.json``) and ``--half synthetic``, which needs no data, and reported on
the third. An interrupted run continues.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

import numpy as np

from benchmarks.command import begun, collect, command, figure_file, results
from benchmarks.everyday.comparison import best_peer, comparison, scores
from benchmarks.everyday.score import random_gaps, search_gaps
from benchmarks.everyday.tables import HALVES, content, tables, write_campaign
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.rooms import methods
from tansaku.models.engine.presets import ENGINES
from tansaku.tasks.act.replay.figure import COLOURS
from tansaku.tasks.act.replay.methods import OWN_METHODS, SPEC_METHOD
from tansaku.tasks.act.replay.records import ReplayTask
from tansaku.tasks.act.replay.run import open_table, run_one
from tansaku.tasks.node.configuration.campaign_files import load_campaign
from tansaku.tasks.node.jobs.machine import describe_machine
from tansaku.tasks.node.jobs.spool_files import write_json

OURS: dict[str, JsonDict] = {f"engine-{number}": {"type": "gp", "engine": number} for number in (1, *ENGINES)}
"""Our engines as proposers of a campaign file."""

QUICK = ("snar", "benzylation")
QUICK_METHODS = ("random", "default", "botorch-single")

_COMPARED = (*(f"engine-{number}" for number in sorted(ENGINES, reverse=True)), "default")
"""The first of these that a result has is compared with its other methods."""

Key = tuple[str, str, int]


@dataclass(frozen=True)
class Case:
    """One search.

    Attributes:
        data: Folder of the tables.
        table: Name of the table.
        method: Name of the method.
        seed: Of the search and of the order of the candidates.
    """

    data: Path
    table: str
    method: str
    seed: int


def run(case: Case) -> JsonDict:
    """Runs a search."""
    with tempfile.TemporaryDirectory() as folder:
        path = write_campaign(case.data, case.table, Path(folder), case.seed, OURS.get(case.method))
        campaign = load_campaign(path)
        task = ReplayTask(
            spec=campaign.spec,
            base_path=folder,
            method=SPEC_METHOD if case.method in OURS else case.method,
            seed=case.seed,
            count_initial=True,
        )
        space = open_table(task)
        done = run_one(task)
    oriented = space.values() if campaign.spec.objective.direction == "minimize" else -space.values()
    gaps = search_gaps(oriented, space.pool().positions(done.candidates))
    return {
        "table": case.table,
        "method": case.method,
        "seed": case.seed,
        "score": float(gaps.sum() / random_gaps(oriented, len(gaps)).sum()),
        "gaps": gaps.tolist(),
        "n_initial": done.n_initial,
        "seconds": round(done.seconds, 3),
    }


def key(row: JsonDict) -> Key:
    """Table, method and seed of a search."""
    return row["table"], row["method"], row["seed"]


def summary(rows: list[JsonDict]) -> dict[str, dict[str, JsonDict]]:
    """Mean score with its standard error, number of seeds and seconds of a search, by method and table."""
    found: dict[str, dict[str, JsonDict]] = {}
    for method, table in dict.fromkeys((row["method"], row["table"]) for row in rows):
        mine = [row for row in rows if (row["method"], row["table"]) == (method, table)]
        scores = np.array([row["score"] for row in mine])
        error = float(scores.std(ddof=1) / np.sqrt(len(scores))) if len(scores) > 1 else None
        seconds = float(np.mean([row["seconds"] for row in mine]))
        found.setdefault(method, {})[table] = {
            "mean": float(scores.mean()),
            "error": error,
            "seeds": len(scores),
            "seconds": seconds,
        }
    return found


def conclusions(rows: list[JsonDict], best_of: Path | None) -> JsonDict:
    """The summary, and ours in comparison.

    Args:
        rows: Searches.
        best_of: Result of the development half.
    """
    found = scores(rows)
    ours = next((name for name in _COMPARED if name in found), None)
    said: JsonDict = {"summary": summary(rows), "comparison": {} if ours is None else {ours: comparison(found, ours)}}
    if best_of is not None:
        said["best_on_development"] = best_peer(scores(json.loads(best_of.read_text())["runs"]), methods())
    return said


def printed(said: JsonDict) -> None:
    """Prints mean scores and ratios."""
    for method, by_table in said["summary"].items():
        print(method, *(f"{name} {item['mean']:.2f}" for name, item in by_table.items()))
    for ours, others in said["comparison"].items():
        for other, item in others.items():
            print(f"{ours} / {other}: {_ratio(item)}, {item['seeds'][0]} to {item['seeds'][1]} seeds")
            if other == said.get("best_on_development"):
                print("  best on the development half:", *(f"{name} {_ratio(ratio)}" for name, ratio in item["tables"].items()))


def _ratio(item: JsonDict) -> str:
    shown = ("-" if item[name] is None else f"{item[name]:.2f}" for name in ("ratio", "low", "high", "upper"))
    ratio, low, high, upper = shown
    return f"{ratio} ({low} to {high}; with 95 % at most {upper})"


def arguments() -> argparse.Namespace:
    """The command's options."""
    parser = command("everyday", __doc__, quick="two tables, three methods, one seed", figure="scores", jobs="searches")
    parser.add_argument("--data", type=Path, required=True, help="folder with the folders olympus and alloy")
    parser.add_argument("--half", choices=HALVES, default="development", help="which tables")
    parser.add_argument("--seeds", type=int, default=20, help="how many")
    known = tuple(dict.fromkeys((*OURS, *OWN_METHODS, *methods())))
    parser.add_argument("--methods", nargs="+", choices=known, help="random and ours by default")
    parser.add_argument("--best-of", type=Path, help="result of the development half, which names its best peer")
    return parser.parse_args()


_MARKS = "osD^v<>PX"
_COLOURS = ("#111111", *COLOURS[::-1], "#8c564b", "#17a2b8")
_SPREAD = 0.35


def draw_scores(summary: dict[str, dict[str, JsonDict]], path: Path) -> None:
    """Draws mean scores with their standard errors.

    Args:
        summary: Mean and standard error by method and table; random choice has 1 and is a line.
        path: PNG, SVG or PDF.
    """
    methods = [method for method in summary if method != "random"]
    tables = list(dict.fromkeys(table for method in methods for table in summary[method]))
    offsets = np.linspace(-_SPREAD, _SPREAD, len(methods)) if len(methods) > 1 else np.zeros(1)
    with figure_file(path, 7.6, 0.5 * len(tables) + 1.2, dpi=160) as figure:
        axes = figure.subplots()
        for method, offset, colour, mark in zip(methods, offsets, cycle(_COLOURS), cycle(_MARKS), strict=False):
            of = [table for table in tables if table in summary[method]]
            axes.errorbar(
                [summary[method][table]["mean"] for table in of],
                [tables.index(table) + offset for table in of],
                xerr=[summary[method][table]["error"] or 0.0 for table in of],
                fmt=mark,
                color=colour,
                markersize=4,
                linewidth=0.8,
                label=method,
            )
        axes.axvline(1.0, color="0.6", linestyle="--", linewidth=0.8)
        axes.set_yticks(range(len(tables)), tables)
        axes.invert_yaxis()
        axes.set_xlabel("score: 0 finds the best at once, 1 is random choice")
        figure.legend(loc="outside right upper")


def main() -> None:
    """Runs what is not done yet, and writes the result every half minute and at the end."""
    given = arguments()
    chosen, seeds = (QUICK, 1) if given.quick else (tables(given.half), given.seeds)
    same = {"schema_version": 1, "half": given.half, "data": {name: content(given.data, name) for name in chosen}}
    result = begun(given.out, same, runs=[])
    known = {key(row) for row in result["runs"]}
    asked = given.methods or (QUICK_METHODS if given.quick else ("random", *OURS))
    cases = [Case(given.data, name, method, seed) for seed in range(seeds) for name in chosen for method in asked]
    todo = [case for case in cases if (case.table, case.method, case.seed) not in known]
    if todo:
        result["provenance"] = describe_machine()
    collect(result["runs"], results(run, todo, given.jobs), lambda: write_json(given.out, result))
    said = conclusions(result["runs"], given.best_of)
    write_json(given.out, result | said)
    printed(said)
    if given.figure is not None:
        draw_scores(said["summary"], given.figure)


if __name__ == "__main__":
    main()
