"""``python -m benchmarks.boundaries --out result.json``: the methods on the table that is shipped here.

The table holds every candidate of seven [110] tilt boundaries of aluminium (potential NiAlH_jea), computed by `tansaku run`
with the campaign file ``al-110-grid.yaml`` and written by `tansaku export --table`.
"""

from __future__ import annotations

from pathlib import Path

from benchmarks.command import command
from tansaku.tasks.act.replay.bench import run_bench
from tansaku.tasks.act.replay.figure import draw_gaps
from tansaku.tasks.act.replay.records import BenchOptions, BenchResult, ReplayTask
from tansaku.tasks.act.replay.summary import checkpoints, summarise
from tansaku.tasks.node.configuration.campaign_files import load_campaign

CAMPAIGN = Path(__file__).with_name("al-110-grid-table.yaml")

METHODS = ("random", "single-task", "published", "default")


def options(*, quick: bool, jobs: int, resume: bool) -> BenchOptions:
    """Returns the comparison's settings: 20 seeds up to 3 % of the exhaustive cost; quickly, 2 seeds up to 0.6 %."""
    return BenchOptions(
        methods=METHODS,
        seeds=tuple(range(2 if quick else 20)),
        jobs=jobs,
        budget_fraction=0.006 if quick else 0.03,
        resume=resume,
    )


def print_summary(result: BenchResult) -> None:
    """Mean gaps at shares of the exhaustive cost, one line per method."""
    costs = checkpoints(result)
    print(f"mean gap [{result.provenance['objective']['unit']}] at shares of the exhaustive cost, after the initial points")
    print("method".ljust(14), *(f"{100 * cost / result.exhaustive_cost:8.2f} %" for cost in costs), "   exact  worst  s/run")
    for item in summarise(result, costs):
        gaps = " ".join(f"{gap:10.2f}" for gap in item.mean_gap)
        print(item.method.ljust(14) + gaps + f"   {item.n_exact:5.1f} {item.worst_gap:6.1f} {item.seconds:6.1f}")


def _note(task: ReplayTask, n_evaluations: int, share: float) -> None:
    if share >= 1:
        print(f"{task.method}, seed {task.seed}: {n_evaluations} evaluations", flush=True)


def main() -> None:
    """Runs the comparison and writes its result."""
    parser = command("boundaries", __doc__, quick="two seeds and a small budget", figure="mean gap against cost", jobs="runs")
    parser.add_argument("--resume", action="store_true", help="keep what an interrupted run finished")
    given = parser.parse_args()
    result = run_bench(
        load_campaign(CAMPAIGN), options(quick=given.quick, jobs=given.jobs, resume=given.resume), given.out, _note
    )
    print_summary(result)
    if given.figure is not None:
        draw_gaps(result, given.figure)


if __name__ == "__main__":
    main()
