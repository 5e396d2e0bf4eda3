"""Methods of the comparison, and their results on a problem."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from benchmarks.composition.problem import Problem, Rows
from benchmarks.composition.statistics.curves import any_found, best_ones, share_found
from benchmarks.composition.statistics.models import (
    FullyInformedModel,
    HyperparametersModel,
    OwnModel,
    PosteriorModel,
    SearchModel,
)
from benchmarks.composition.statistics.searches import search_all
from benchmarks.intervals import wilson
from tansaku.models.domain.pool import FloatArray, IntArray
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.budget import BudgetSpec
from tansaku.models.domain.specs.objective import AcquisitionName
from tansaku.models.engine.goals import Goal
from tansaku.models.engine.presets import PRESETS, GPSettings
from tansaku.models.engine.transfer.data import FrozenSources
from tansaku.models.engine.transfer.proposer import TransferProposer
from tansaku.tasks.act.replay.campaign import replay
from tansaku.tasks.loop.ledger.rounds import RoundRules

INITIAL_POINTS = 5
"""Random compositions that a search begins with, as in the report."""

AT_ONCE = 125
"""Number of searches that are computed together."""

Kind = Literal["own", "hyperparameters", "posterior", "limit", "auto"]


@dataclass(frozen=True)
class Method:
    """A way to search.

    Attributes:
        preset: Kernel and transform.
        kind: ``own``: it learns from its own results; ``hyperparameters`` and ``posterior``: from lithium too; ``limit``: its
            hyper-parameters were fitted to all results; ``auto``: as a campaign with transfer mode auto.
        acquisition: None: the preset's.
        threshold: All below it are wanted [eV]; None: the lowest one is.
        initial_points: Random compositions that it begins with.
    """

    preset: str
    kind: Kind = "own"
    acquisition: AcquisitionName | None = None
    threshold: float | None = None
    initial_points: int = INITIAL_POINTS

    @property
    def settings(self) -> GPSettings:
        """The proposer's."""
        goal = Goal() if self.threshold is None else Goal("all_below", threshold=self.threshold)
        own = PRESETS[self.preset].acquisition if self.threshold is None else "probability"
        return replace(PRESETS[self.preset], initial_points=self.initial_points, goal=goal, acquisition=self.acquisition or own)


@dataclass(frozen=True)
class Task:
    """Some seeds of a method.

    Attributes:
        method: How.
        target: What is searched.
        problem: Target and source.
        seeds: Which.
        evaluations: Of each search, the initial points included.
    """

    method: Method
    target: Rows
    problem: Problem
    seeds: tuple[int, ...]
    evaluations: int


def run(task: Task) -> tuple[IntArray, float]:
    """Candidates that each seed evaluated, shape ``(n_seeds, n)``, and the processor time it took [s]."""
    begun = time.process_time()
    if task.method.kind == "auto":
        found = np.array([_campaign(task, seed) for seed in task.seeds])
    else:
        found = search_all(_model(task), task.target.values, task.seeds, task.evaluations)
    return found, time.process_time() - begun


def _model(task: Task) -> SearchModel:
    settings, pool = task.method.settings, task.target.pool
    match task.method.kind:
        case "hyperparameters":
            return HyperparametersModel(settings, pool, task.problem.source)
        case "posterior":
            return PosteriorModel(settings, pool, task.problem.source)
        case "limit":
            return FullyInformedModel(settings, pool, task.target.values)
        case _:
            return OwnModel(settings, pool)


def _campaign(task: Task, seed: int) -> IntArray:
    """A campaign with transfer mode auto, replayed by the engine that real ones have."""
    proposer = TransferProposer(task.method.settings, "auto", FrozenSources([task.problem.source]))
    rules = RoundRules(
        seed=seed,
        source="table",
        direction="minimize",
        budget=BudgetSpec(evaluations=task.evaluations, max_failed_fraction=1.0),
        limit=None,
        initial_count=proposer.initial_count(task.target.pool),
    )
    return replay(task.target.pool, task.target.values, proposer, rules, count_initial=True).positions


def run_all(
    methods: Sequence[tuple[Method, Rows, int]], problem: Problem, evaluations: int, jobs: int
) -> Iterator[tuple[Method, IntArray, float]]:
    """Searches by several methods; yields the candidates and the processor time of each method when it has ended.

    Args:
        methods: Tasks, each with a method, a target and seeds.
        problem: Target and source.
        evaluations: Most of each search.
        jobs: Processes at once.
    """
    with ProcessPoolExecutor(jobs) as workers:
        asked = []
        for method, target, seeds in methods:
            at_once = AT_ONCE if method.kind != "auto" else 2
            chunks = [tuple(range(first, min(first + at_once, seeds))) for first in range(0, seeds, at_once)]
            tasks = [Task(method, target, problem, chunk, min(evaluations, len(target.pool))) for chunk in chunks]
            asked.append((method, [workers.submit(run, task) for task in tasks]))
        for method, futures in asked:
            parts = [future.result() for future in futures]
            yield method, np.concatenate([found for found, _ in parts]), sum(seconds for _, seconds in parts)


def best_curve(found: IntArray, values: FloatArray) -> JsonDict:
    """Probability that the best composition is found by each evaluation, with Wilson's 95 % interval."""
    share = any_found(found, best_ones(values)).mean(axis=0)
    return {"curve": share.tolist(), "band": [end.tolist() for end in wilson(share, len(found))], "seeds": len(found)}


def share_curve(found: IntArray, values: FloatArray, threshold: float) -> JsonDict:
    """Mean share of the compositions below a threshold found by each evaluation, with two standard errors."""
    shares = share_found(found, values <= threshold)
    mean, error = shares.mean(axis=0), shares.std(axis=0) / np.sqrt(max(1, len(found) - 1))
    low, high = np.clip(mean - 1.96 * error, 0.0, 1.0), np.clip(mean + 1.96 * error, 0.0, 1.0)
    return {"curve": mean.tolist(), "band": [low.tolist(), high.tolist()], "seeds": len(found)}
