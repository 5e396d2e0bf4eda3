"""``python -m benchmarks.replays.batches.qlognei --data DIR --out result.json``: batches of four beside BoTorch's qLogNEI.

``DIR`` holds the folder ``olympus``. On the largest table of each of its four largest development families a search asks for
four candidates, gets all four values, and asks again, as by `tansaku ask --count 4`. ``drawn`` is what a campaign file without
a proposer gets: expected improvement is averaged over values drawn for what is awaited. ``qlognei`` is BoTorch's
``SingleTaskGP`` with its defaults and ``qLogNoisyExpectedImprovement`` over the pool, by ``optimize_acqf_discrete``, which
chooses the four one by one; it gets every column as a parameter in [0, 1]. Both begin with the same candidates. ``alone`` is
ours with one candidate at a time; ``believer``, ``liar`` and ``masked`` are other treatments of what is awaited. Scores are
those of :mod:`benchmarks.everyday`: 1 is random choice. An interrupted run continues.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.command import begun, command, results
from benchmarks.everyday.score import random_gaps, search_gaps
from benchmarks.everyday.tables import content, evaluations, write_campaign
from benchmarks.replays.batches.pending import Believer, Drawn, Liar, Masked
from tansaku.models.domain.identifiers import proposal_rng
from tansaku.models.domain.pool import CandidatePool, FloatArray
from tansaku.models.domain.ports import History
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.specs.proposer import GPProposerSpec
from tansaku.models.engine.goals import goal_of
from tansaku.models.engine.gp import GPProposer
from tansaku.models.engine.presets import settings
from tansaku.tasks.act.replay.records import ReplayTask
from tansaku.tasks.act.replay.run import open_table
from tansaku.tasks.node.configuration.campaign_files import load_campaign
from tansaku.tasks.node.jobs.machine import describe_machine
from tansaku.tasks.node.jobs.spool_files import write_json

TABLES = ("buchwald_a", "crossed_barrel", "p3ht", "alkox")
QUICK = ("p3ht",)
AT_ONCE = 4
OURS: dict[str, type[GPProposer]] = {
    "alone": GPProposer,
    "drawn": Drawn,
    "believer": Believer,
    "liar": Liar,
    "masked": Masked,
}
"""Treatments of candidates whose values are awaited; ``drawn`` is that of a campaign file without a proposer."""

MINE = "drawn"
QLOGNEI = "qlognei"
METHODS = (*OURS, QLOGNEI)
_RESAMPLED = 4000


@dataclass(frozen=True)
class Case:
    """One search.

    Attributes:
        data: Folder of the tables.
        table: Name of the table.
        method: One of :data:`METHODS`.
        seed: Of the search and of the order of the candidates.
        short: Whether it ends after two batches.
    """

    data: Path
    table: str
    method: str
    seed: int
    short: bool = False


def run(case: Case) -> JsonDict:
    """Runs a search."""
    with tempfile.TemporaryDirectory() as folder:
        spec = load_campaign(write_campaign(case.data, case.table, Path(folder), case.seed)).spec
        space = open_table(ReplayTask(spec=spec, base_path=folder, method="spec", seed=case.seed))
    pool, values = space.pool(), space.values()
    values = values if spec.objective.direction == "minimize" else -values
    count = evaluations(len(pool))
    ours = _proposer(spec, OURS.get(case.method, Drawn))
    count = min(count, ours.initial_count(pool) + 2 * AT_ONCE) if case.short else count
    at_once = 1 if case.method == "alone" else AT_ONCE
    if case.method == QLOGNEI:
        begun_with = in_batches(ours, pool, values, case.seed, ours.initial_count(pool), at_once)
        positions = qlognei(pool, values, begun_with, case.seed, count)
    else:
        positions = in_batches(ours, pool, values, case.seed, count, at_once)
    gaps = search_gaps(values, np.array(positions))
    return {
        "table": case.table,
        "method": case.method,
        "seed": case.seed,
        "score": float(gaps.sum() / random_gaps(values, len(gaps)).sum()),
        "gaps": gaps.tolist(),
    }


def _proposer(spec: CampaignSpec, kind: type[GPProposer]) -> GPProposer:
    assert isinstance(spec.proposer, GPProposerSpec)
    return kind(settings(spec.proposer, goal_of(spec.objective)))


def in_batches(proposer: GPProposer, pool: CandidatePool, values: FloatArray, seed: int, count: int, at_once: int) -> list[int]:
    """Candidates of a search by our proposer, in order; after the initial ones batches are asked for.

    Args:
        proposer: Ours.
        pool: The candidates.
        values: Of these, smaller is better, shape ``(n_candidates,)``.
        seed: Of the search.
        count: Number of evaluations.
        at_once: Size of a batch.
    """
    chosen: list[int] = []
    fitted: list[int] = []
    hyperparameters: JsonDict | None = None
    while len(chosen) < count:
        first = proposer.initial_count(pool) - len(chosen)
        known = np.array(chosen, dtype=np.intp)
        if first <= 0 and proposer.refit_due(len(known), fitted):
            hyperparameters = proposer.fit(pool, History(known, values[known]), hyperparameters)
            fitted.append(len(known))
        batch: list[int] = []
        while len(batch) < min(first if first > 0 else at_once, count - len(known)):
            number = len(known) + len(batch) + 1
            history = History(known, values[known], pending=np.array(batch, dtype=np.intp))
            choice = proposer.propose(pool, history, number, proposal_rng(seed, number), hyperparameters)
            assert choice is not None
            batch.append(choice.position)
        chosen += batch
    return chosen


def qlognei(pool: CandidatePool, values: FloatArray, first: Sequence[int], seed: int, count: int) -> list[int]:
    """Candidates of a search by BoTorch in batches, in order.

    Args:
        pool: The candidates.
        values: Of these, smaller is better, shape ``(n_candidates,)``.
        first: What it begins with.
        seed: Of torch.
        count: Number of evaluations.
    """
    import torch
    from botorch.acquisition.logei import qLogNoisyExpectedImprovement
    from botorch.fit import fit_gpytorch_mll
    from botorch.models import SingleTaskGP
    from botorch.optim.optimize import optimize_acqf_discrete
    from gpytorch.mlls import ExactMarginalLogLikelihood

    torch.manual_seed(seed)
    rows: Any = torch.as_tensor(unit_columns(pool))
    chosen = list(first)
    while len(chosen) < count:
        model = SingleTaskGP(rows[chosen], torch.as_tensor(-values[chosen])[:, None])
        fit_gpytorch_mll(ExactMarginalLogLikelihood(model.likelihood, model))
        gain = qLogNoisyExpectedImprovement(model, rows[chosen])
        free = np.setdiff1d(np.arange(len(pool)), chosen)
        with torch.no_grad():
            asked, _ = optimize_acqf_discrete(gain, min(AT_ONCE, count - len(chosen)), rows[free])
        for row in asked:
            # Of equal rows the first that is left is taken.
            chosen.append(int(next(place for place in free if place not in chosen and bool((rows[place] == row).all()))))
    return chosen


def unit_columns(pool: CandidatePool) -> FloatArray:
    """All columns of all groups that vary, each from 0 to 1, shape ``(n_candidates, d)``."""
    columns = np.concatenate([pool.groups[name].values[pool.groups[name].index] for name in sorted(pool.groups)], axis=1)
    span = np.ptp(columns, axis=0)
    return np.asarray(((columns - columns.min(axis=0)) / np.where(span > 0.0, span, 1.0))[:, span > 0.0])


def summary(runs: Sequence[JsonDict]) -> JsonDict:
    """Mean score with its standard error of each method and table, and the ratio of :data:`MINE` to each other method.

    The ratio is that of the mean scores over all tables; its interval of 95 % is of pairs of searches of a table and seed that
    are drawn again within each table.
    """
    scores: dict[str, dict[str, FloatArray]] = {}
    for method in METHODS:
        for table in TABLES:
            found = {row["seed"]: row["score"] for row in runs if (row["method"], row["table"]) == (method, table)}
            if found:
                scores.setdefault(method, {})[table] = np.array([found[seed] for seed in sorted(found)])
    means = {
        method: {
            name: {"mean": float(of.mean()), "error": float(of.std(ddof=1) / np.sqrt(len(of))), "seeds": len(of)}
            for name, of in by_table.items()
            if len(of) > 1
        }
        for method, by_table in scores.items()
    }
    mine = scores.get(MINE, {})
    ratios = {}
    for method, theirs in scores.items():
        shared = [(mine[name], theirs[name]) for name in theirs if name in mine and len(mine[name]) == len(theirs[name])]
        if method != MINE and shared:
            ratios[method] = _ratio(shared)
    return {"scores": means, "ours_over": ratios}


def _ratio(pairs: Sequence[tuple[FloatArray, FloatArray]]) -> JsonDict:
    rng = np.random.default_rng(0)
    upper, lower = np.zeros(_RESAMPLED), np.zeros(_RESAMPLED)
    for mine, theirs in pairs:
        drawn = rng.integers(0, len(mine), (_RESAMPLED, len(mine)))
        upper += mine[drawn].mean(axis=1)
        lower += theirs[drawn].mean(axis=1)
    whole = sum(mine.mean() for mine, _ in pairs) / sum(theirs.mean() for _, theirs in pairs)
    return {"ratio": float(whole), "interval": np.quantile(upper / lower, (0.025, 0.975)).tolist()}


def arguments() -> argparse.Namespace:
    """The command's options."""
    parser = command("replays.batches.qlognei", __doc__, quick="one table, one seed, two batches", jobs="searches")
    parser.add_argument("--data", type=Path, required=True, help="folder with the folder olympus")
    parser.add_argument("--seeds", type=int, default=20, help="how many")
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=METHODS, help="all by default")
    return parser.parse_args()


def main() -> None:
    """Runs what is not done yet, and writes the result after each search."""
    given = arguments()
    chosen, seeds = (QUICK, 1) if given.quick else (TABLES, given.seeds)
    result = begun(given.out, {"schema_version": 1, "data": {name: content(given.data, name) for name in chosen}}, runs=[])
    done = {(row["table"], row["method"], row["seed"]) for row in result["runs"]}
    cases = [
        Case(given.data, table, method, seed, short=given.quick)
        for seed in range(seeds)
        for table in chosen
        for method in given.methods
        if (table, method, seed) not in done
    ]
    for row in results(run, cases, given.jobs):
        result["runs"].append(row)
        write_json(given.out, result | {"summary": summary(result["runs"]), "provenance": describe_machine()})
    found = summary(result["runs"])
    for method, by_table in found["scores"].items():
        print(method, *(f"{name} {item['mean']:.2f} ± {item['error']:.2f}" for name, item in by_table.items()))
    for method, item in found["ours_over"].items():
        print(f"ours / {method}: {item['ratio']:.2f} ({item['interval'][0]:.2f} to {item['interval'][1]:.2f})")


if __name__ == "__main__":
    main()
