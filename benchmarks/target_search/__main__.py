"""``python -m benchmarks.target_search --out result.json``: evaluations until the best five are found, by method; found.png.

Sparse models averaged over supports, the same with a process for their residual, Gaussian processes (the preset ``default``,
and the same with columns as they are) and random choice search the solvents with the strongest Li⁺ binding
and the sodium tavorites with the lowest barrier. All but random choice begin with the same five candidates.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks.command import begun, command, figure_file
from benchmarks.intervals import wilson
from benchmarks.target_search.problems import PROBLEMS
from tansaku.models.domain.identifiers import proposal_rng
from tansaku.models.domain.pool import CandidatePool
from tansaku.models.domain.ports import History, Proposer
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.campaign import ObjectiveSpec
from tansaku.models.domain.specs.objective import TopKSpec
from tansaku.models.domain.specs.proposer import GPProposerSpec, ProposerBase, RandomProposerSpec, SparseProposerSpec
from tansaku.models.engine.proposer_registry import build_proposer
from tansaku.tasks.node.jobs.machine import describe_machine
from tansaku.tasks.node.jobs.spool_files import write_json

INITIAL = 5
WANTED = 5
SPECS: dict[str, ProposerBase] = {
    "sparse": SparseProposerSpec(initial_points=INITIAL),
    "sparse, residual gp": SparseProposerSpec(initial_points=INITIAL, residual="gp"),
    "gp": GPProposerSpec(initial_points=INITIAL),
    "gp, columns as they are": GPProposerSpec(initial_points=INITIAL),
    "random": RandomProposerSpec(),
}


@dataclass(frozen=True)
class Case:
    """One search.

    Attributes:
        problem: Name of the problem.
        method: Name of the method.
        seed: Of the search.
        budget: Evaluations.
    """

    problem: str
    method: str
    seed: int
    budget: int


def search(case: Case) -> JsonDict:
    """Runs a search; returns which evaluations found the best five, counted from 1, in the order found."""
    problem = PROBLEMS[case.problem]()
    pool = _as_they_are(problem.pool) if case.method == "gp, columns as they are" else problem.pool
    objective = ObjectiveSpec(unit=problem.unit, goal=TopKSpec(k=WANTED))
    proposer: Proposer = build_proposer(SPECS[case.method], objective)
    wanted = set(np.argsort(problem.values, kind="stable")[:WANTED].tolist())
    best = int(np.argmin(problem.values))
    chosen: list[int] = []
    found: list[int] = []
    fitted_at: list[int] = []
    parameters: JsonDict | None = None
    at_best, begin = None, time.process_time()
    while len(chosen) < case.budget and len(found) < WANTED:
        number = len(chosen) + 1
        history = History(np.array(chosen, dtype=np.intp), problem.values[chosen])
        if number > INITIAL and proposer.refit_due(len(chosen), fitted_at):
            parameters = proposer.fit(pool, history, parameters)
            fitted_at.append(len(chosen))
        choice = proposer.propose(pool, history, number, proposal_rng(case.seed, number), parameters)
        if choice is None:
            break
        chosen.append(choice.position)
        found += [number] if choice.position in wanted else []
        at_best = number if choice.position == best else at_best
    seconds = (time.process_time() - begin) / max(len(chosen), 1)
    return {"found": found, "best": at_best, "evaluations": len(chosen), "seconds": seconds}


def _as_they_are(pool: CandidatePool) -> CandidatePool:
    """The pool as the preset saw it before columns of different units were compared in units of their ranges."""
    return replace(pool, groups={name: replace(group, mixed=False) for name, group in pool.groups.items()})


def summary(runs: list[JsonDict], budget: int) -> JsonDict:
    """Medians, those not found counted as one more than the budget, and the share of searches that found all."""
    best = [run["best"] or budget + 1 for run in runs]
    whole = [run["found"][-1] if len(run["found"]) == WANTED else budget + 1 for run in runs]
    return {
        "searches": len(runs),
        "median_until_best": float(np.median(best)),
        "median_until_five": float(np.median(whole)),
        "found_best": (share := float(np.mean([value <= budget for value in best]))),
        "found_best_95": [float(end) for end in wilson(share, len(runs))],
        "found_five": float(np.mean([value <= budget for value in whole])),
        "mean_found": float(np.mean([len(run["found"]) for run in runs])),
        "seconds_per_proposal": float(np.mean([run["seconds"] for run in runs])),
    }


COLOURS = {
    "sparse": "#b03a48",
    "sparse, residual gp": "#d98b2b",
    "gp": "#3b76b0",
    "gp, columns as they are": "#8fb8d8",
    "random": "#9a9a9a",
}
TITLES = {"solvents": "177 solvents, 45 columns", "tavorites": "142 Na tavorites, 1,660 columns"}


def draw(result: JsonDict, path: Path) -> None:
    """Draws the curves of all problems and methods with their 95 % intervals.

    Args:
        result: What ``result.json`` holds.
        path: Of the PNG file.
    """
    at = np.arange(1, result["budget"] + 1)
    with figure_file(path, 3.7 * len(result["runs"]), 3.4) as figure:
        axes = figure.subplots(1, len(result["runs"]), squeeze=False, sharey=True).reshape(-1)
        for ax, (problem, methods) in zip(axes, result["runs"].items(), strict=True):
            for method, runs in methods.items():
                found = np.array([run["best"] or np.inf for run in runs])
                share = (found[:, None] <= at).mean(axis=0)
                ax.plot(at, share, color=COLOURS[method], lw=1.4, label=f"{method} ({len(runs):,})")
                ax.fill_between(at, *wilson(share, len(runs)), color=COLOURS[method], alpha=0.2, lw=0)
            ax.set_title(TITLES[problem], fontsize=9)
            ax.set_xlabel("evaluations")
            ax.set_ylim(0.0, 1.02)
            ax.legend(title="method (searches)", fontsize="x-small", title_fontsize="x-small", loc="upper left")
        axes[0].set_ylabel("share of searches that found the best")


def main() -> None:
    """Runs the searches seed by seed, and writes what is known after each."""
    parser = command("target_search", __doc__, quick="one seed and ten evaluations")
    parser.add_argument("--seeds", type=int, default=1000, help="how many")
    parser.add_argument("--budget", type=int, default=40, help="evaluations of a search")
    parser.add_argument("--problems", nargs="+", choices=tuple(PROBLEMS), default=tuple(PROBLEMS), help="all by default")
    parser.add_argument("--methods", nargs="+", choices=tuple(SPECS), default=tuple(SPECS), help="all by default")
    parser.add_argument("--minutes", type=float, help="begin no further seed after this time")
    given = parser.parse_args()
    seeds, budget = (1, 10) if given.quick else (given.seeds, given.budget)
    result = begun(given.out, {"schema_version": 1, "budget": budget}, runs={}, summary={})
    start = time.monotonic()
    for seed in range(seeds):
        if given.minutes is not None and time.monotonic() - start > 60.0 * given.minutes:
            break
        for problem in given.problems:
            for method in given.methods:
                runs = result["runs"].setdefault(problem, {}).setdefault(method, [])
                if len(runs) == seed:
                    runs.append(search(Case(problem, method, seed, budget)))
        write_json(given.out, result | {"provenance": describe_machine()})
    for problem, methods in result["runs"].items():
        result["summary"][problem] = {method: summary(runs, budget) for method, runs in methods.items()}
    write_json(given.out, result | {"provenance": describe_machine()})
    draw(result, given.out.with_name("found.png"))
    for problem, methods in result["summary"].items():
        for method, found in methods.items():
            print(problem, method, found)


if __name__ == "__main__":
    main()
