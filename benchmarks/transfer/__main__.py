"""``python -m benchmarks.transfer --out result.json``: what transfer is worth, and what a harmful source costs.

Every problem is run with its source as it is, with the source's values shuffled, and with them reversed (an anticorrelated
system). Sources and targets: the shipped boundary table split in two, made-up compositions, and any pair of tables given
by ``--pair TARGET SOURCE`` as campaign files.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.command import command, figure_file
from benchmarks.transfer.problems import Problem, boundaries, compositions, tables
from benchmarks.transfer.runs import METHODS, MODES, Run, run
from tansaku.tasks.node.jobs.machine import describe_machine

QUICK_SEEDS, QUICK_EVALUATIONS = 1, 8


def with_harm(problems: Sequence[Problem]) -> list[Problem]:
    """Each problem as it is, with a shuffled and with a reversed source."""
    return [variant for problem in problems for variant in (problem, problem.harmful("shuffled"), problem.harmful("reversed"))]


def compare(problems: Sequence[Problem], jobs: int) -> Iterator[dict[str, Any]]:
    """Runs every method on every problem with every seed; gives each problem's panel when it is done."""
    with ProcessPoolExecutor(jobs) as pool:
        asked = {
            (i, method): [pool.submit(run, item, method, seed) for seed in range(item.seeds)]
            for i, item in enumerate(problems)
            for method in METHODS
        }
        for i, problem in enumerate(problems):
            runs = {method: [item.result() for item in asked[i, method]] for method in METHODS}
            print(f"{problem.name}: {problem.seeds} seeds", flush=True)
            yield _panel(problem, runs)


def _panel(problem: Problem, runs: dict[str, list[Run]]) -> dict[str, Any]:
    methods = {}
    for method, made in runs.items():
        gaps = np.array([item.gap for item in made])
        modes = np.array([item.modes for item in made])
        methods[method] = {
            "gap": gaps.mean(axis=0).tolist(),
            "gap_error": (gaps.std(axis=0) / np.sqrt(max(1, len(made) - 1))).tolist(),
            "found": np.mean([item.found for item in made], axis=0).tolist(),
            "mode_share": {name: (modes == i).mean(axis=0).tolist() for i, name in enumerate(MODES)},
            "seconds": float(np.mean([item.seconds for item in made])),
        }
    return {
        "name": problem.name,
        "description": problem.description,
        "unit": problem.unit,
        "candidates": len(problem.pool),
        "source_observations": len(problem.source.values),
        "evaluations": problem.evaluations,
        "seeds": len(next(iter(runs.values()))),
        "methods": methods,
    }


def print_summary(panels: Sequence[dict[str, Any]]) -> None:
    """Mean gaps after some evaluations, one line per problem and method."""
    for panel in panels:
        at = [n for n in (5, 10, 15, 25, 40, 60, 90) if n <= panel["evaluations"]]
        print(f"\n{panel['name']}: mean gap [{panel['unit']}] after", *(f"{n:8d}" for n in at), "   found  s/run")
        for method, curve in panel["methods"].items():
            gaps = " ".join(f"{curve['gap'][n - 1]:8.4g}" for n in at)
            print(f"  {method:<26}{gaps}   {curve['found'][-1]:5.2f} {curve['seconds']:6.1f}")


COLOURS = {
    "default": "#3b3b3b",
    "default+hyperparameters": "#d98b2b",
    "default+posterior": "#3b76b0",
    "default+joint": "#4f8f4f",
    "default+auto": "#b03a48",
}
SHARE_OF_WORST = 1e-3
PER_ROW = 3


def draw(result: dict[str, Any], path: Path) -> None:
    """Draws the mean gap of every method, ``default+auto`` in a band of two standard errors."""
    panels = result["problems"]
    rows = -(-len(panels) // PER_ROW)
    with figure_file(path, 10.2, 3.0 * rows + 0.4) as figure:
        axes = figure.subplots(rows, min(PER_ROW, len(panels)), squeeze=False).reshape(-1)
        for ax, panel in zip(axes, panels, strict=False):
            floor = SHARE_OF_WORST * max(curve["gap"][0] for curve in panel["methods"].values())
            at = np.arange(1, panel["evaluations"] + 1)
            for method, curve in panel["methods"].items():
                gap, error = np.asarray(curve["gap"]), np.asarray(curve["gap_error"])
                emphasised = method in ("default", "default+auto")
                ax.plot(at, np.maximum(gap, floor), color=COLOURS.get(method), lw=1.8 if emphasised else 1.0, label=method)
                if emphasised:
                    band = np.maximum([gap - 2 * error, gap + 2 * error], floor)
                    ax.fill_between(at, band[0], band[1], color=COLOURS.get(method), alpha=0.12, lw=0)
            ax.set_yscale("log")
            ax.set_title(panel["name"])
            ax.set_xlabel("evaluations, initial points included")
            ax.set_ylabel(f"mean gap [{panel['unit'].replace('m2', 'm$^2$')}]")
            ax.grid(alpha=0.3, lw=0.5, axis="y")
        for ax in axes[len(panels) :]:
            ax.set_axis_off()
        axes[0].legend(fontsize="small")


def main() -> None:
    """Runs the comparison, writes its result and draws it."""
    parser = command(
        "transfer", __doc__, quick="one seed of a few evaluations", figure="mean gap against evaluations", jobs="runs"
    )
    parser.add_argument("--pair", type=Path, nargs=2, action="append", default=[], help="campaign files of target and source")
    parser.add_argument("--only-pairs", action="store_true", help="leave the shipped problems out")
    parser.add_argument("--seeds", type=int, help="runs of each method")
    given = parser.parse_args()
    shipped = [] if given.only_pairs else [compositions(), boundaries()]
    problems = [*shipped, *(tables(target, source) for target, source in given.pair)]
    if not problems:
        parser.error("--only-pairs needs a --pair")
    if given.quick:
        problems = [problem.shortened(QUICK_EVALUATIONS, QUICK_SEEDS) for problem in problems]
    if given.seeds:
        problems = [problem.shortened(problem.evaluations, given.seeds) for problem in problems]
    panels: list[dict[str, Any]] = []
    result = {"schema_version": 1, "provenance": describe_machine(), "problems": panels}
    given.out.parent.mkdir(parents=True, exist_ok=True)
    for panel in compare(with_harm(problems), given.jobs):
        panels.append(panel)
        given.out.write_text(json.dumps(result))  # what is done stays when the rest is interrupted
    print_summary(panels)
    if given.figure is not None:
        draw(result, given.figure)


if __name__ == "__main__":
    main()
