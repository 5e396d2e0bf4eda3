"""``python -m benchmarks.peers --out result.json``: other people's optimisers on the same table, seeds and budget as ours.

Each peer is driven through its own public interface (``tansaku.peers``): one optimiser per system, or BoTorch's
multi-task model over all; the initial design is the same. The result is that of `tansaku bench`.

With ``--package`` the public tables of ``benchmarks.peers.public`` follow, each with a result of its name beside the first one.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from benchmarks.boundaries.__main__ import CAMPAIGN, print_summary
from benchmarks.command import command
from benchmarks.peers.public import DATASETS, write_table
from tansaku.peers.registry import PACKAGES
from tansaku.tasks.act.replay.bench import run_bench
from tansaku.tasks.act.replay.figure import draw_gaps
from tansaku.tasks.act.replay.records import BenchOptions, BenchResult, ReplayTask
from tansaku.tasks.node.configuration.campaign_files import load_campaign

OURS = ("random", "default")


def options(given: argparse.Namespace, share: float | None) -> BenchOptions:
    """Five seeds up to a share of the exhaustive cost (None: the campaign's own budget), or one seed and a few proposals."""
    return BenchOptions(
        methods=tuple(given.methods),
        seeds=tuple(range(1 if given.quick else given.seeds)),
        jobs=given.jobs,
        budget_fraction=0.0005 if given.quick else share,
        resume=given.resume,
    )


def costs_of_choosing(result: BenchResult) -> dict[str, dict[str, float]]:
    """Seconds per proposal after the initial design, and peak memory [MiB], by method."""
    summary: dict[str, dict[str, float]] = {}
    for method in dict.fromkeys(run.method for run in result.runs):
        runs = [run for run in result.runs if run.method == method]
        chosen = sum(len(run.cost) - run.n_initial for run in runs)
        summary[method] = {
            "seconds_per_proposal": sum(run.seconds for run in runs) / max(chosen, 1),
            "peak_memory_mb": max(run.peak_memory_mb for run in runs),
        }
    return summary


def _note(task: ReplayTask, n_evaluations: int, share: float) -> None:
    if share >= 1:
        print(f"{task.method}, seed {task.seed}: {n_evaluations} evaluations", flush=True)


def main() -> None:
    """Runs the comparison and writes its result."""
    parser = command("peers", __doc__, quick="one seed and a few proposals", figure="mean gap against cost", jobs="runs")
    parser.add_argument("--table", type=Path, default=CAMPAIGN, help="campaign file on a table")
    parser.add_argument("--seeds", type=int, default=5, help="how many")
    parser.add_argument("--budget", type=float, default=0.015, help="share of the exhaustive cost, for --table")
    parser.add_argument("--methods", nargs="+", choices=(*OURS, *PACKAGES), default=(*OURS, *PACKAGES), help="all by default")
    parser.add_argument("--resume", action="store_true", help="keep what an interrupted run finished")
    parser.add_argument("--package", type=Path, help="wheel of olymp, whose tables are compared too")
    given = parser.parse_args()
    result = _compare(given, given.table, given.out, given.budget)
    if given.figure is not None:
        draw_gaps(result, given.figure)
    with tempfile.TemporaryDirectory() as folder:
        for name in DATASETS if given.package is not None else ():
            _compare(given, write_table(given.package, name, Path(folder)), given.out.with_name(f"{name}.json"), None)


def _compare(given: argparse.Namespace, table: Path, out: Path, share: float | None) -> BenchResult:
    result = run_bench(load_campaign(table), options(given, share), out, _note)
    print_summary(result)
    for method, item in costs_of_choosing(result).items():
        print(f"{method:16s} {item['seconds_per_proposal']:8.3f} s per proposal, {item['peak_memory_mb']:6.0f} MiB")
    return result


if __name__ == "__main__":
    main()
