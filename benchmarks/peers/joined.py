"""``python -m benchmarks.peers.joined RESULT MORE... --figure gap.png``: one table's runs from several files as a figure.

A method that came later has a result of its own, with the seeds, budget and initial points of the first one. Random choice
is in every file; where its choices differ the files are of different tables or seeds, and nothing is drawn. A run that several
files have is taken from the first.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from tansaku.tasks.act.replay.figure import draw_gaps
from tansaku.tasks.act.replay.records import BenchResult, BenchRun

SHARED = "random"


def joined(results: Sequence[BenchResult]) -> BenchResult:
    """The runs of all results, as one result.

    Args:
        results: Of one table; the first one's provenance is kept.

    Raises:
        ValueError: Random choice did not choose the same candidates with the same seed, or no seed is shared.
    """
    first, *others = results
    runs: dict[tuple[str, int], BenchRun] = {(run.method, run.seed): run for run in first.runs}
    for other in others:
        pairs = [(runs.get((SHARED, run.seed)), run) for run in other.runs if run.method == SHARED]
        if not any(known is not None for known, _ in pairs):
            raise ValueError(f"no seed of {SHARED!r} is in both results")
        if any(known is not None and known.candidates != run.candidates for known, run in pairs):
            raise ValueError(f"{SHARED!r} chose other candidates with the same seed: the tables or budgets differ")
        runs = {(run.method, run.seed): run for run in other.runs} | runs
    methods = dict.fromkeys(run.method for result in results for run in result.runs)
    ordered = sorted(runs.values(), key=lambda run: (run.seed, [*methods].index(run.method)))
    return first.model_copy(update={"runs": ordered})


def main() -> None:
    """Draws the figure."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.peers.joined", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("results", type=Path, nargs="+", help="result files of python -m benchmarks.peers")
    parser.add_argument("--figure", type=Path, required=True, help="mean gap against cost (PNG, SVG or PDF)")
    given = parser.parse_args()
    try:
        result = joined([BenchResult.model_validate_json(path.read_text()) for path in given.results])
    except ValueError as error:
        sys.exit(str(error))
    draw_gaps(result, given.figure)


if __name__ == "__main__":
    main()
