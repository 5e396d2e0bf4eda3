"""Replays of a problem with each mode of transfer, one task per method and seed."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from benchmarks.transfer.problems import Problem
from tansaku.models.domain.pool import FloatArray
from tansaku.models.domain.ports import Proposer
from tansaku.models.domain.records import Refit
from tansaku.models.domain.specs.budget import BudgetSpec
from tansaku.models.engine.gp import GPProposer
from tansaku.models.engine.presets import PRESETS
from tansaku.models.engine.transfer.data import KEY, FrozenSources
from tansaku.models.engine.transfer.proposer import TransferProposer
from tansaku.tasks.act.replay.campaign import replay
from tansaku.tasks.act.replay.run import gap_curves
from tansaku.tasks.loop.ledger.rounds import RoundRules

METHODS = ("default", "default+hyperparameters", "default+posterior", "default+joint", "default+auto")

MODES = ("none", "hyperparameters", "posterior", "joint")


@dataclass(frozen=True)
class Run:
    """One run.

    Attributes:
        gap: Mean over the systems of best found less true minimum after each evaluation [objective's unit], shape ``(n,)``.
        found: Share of the systems whose minimum is found, shape ``(n,)``.
        modes: Mode in use at each evaluation, as its place in :data:`MODES`; -1 before there is one, shape ``(n,)``.
        seconds: Wall time [s].
    """

    gap: FloatArray
    found: FloatArray
    modes: list[int]
    seconds: float


def run(problem: Problem, method: str, seed: int) -> Run:
    """Replays one method with one seed; all methods begin with the same random point of each system."""
    problem = problem.drawn(seed)
    settings = PRESETS["default"]
    mode = method.partition("+")[2]
    proposer: Proposer = GPProposer(settings)
    if mode:
        proposer = TransferProposer(settings, mode, FrozenSources([problem.source]))  # type: ignore[arg-type]
    rules = RoundRules(
        seed=seed,
        source="table",
        direction="minimize",
        budget=BudgetSpec(evaluations=problem.evaluations),
        limit=None,
        initial_count=proposer.initial_count(problem.pool),
    )
    begun = time.perf_counter()
    done = replay(problem.pool, problem.values, proposer, rules, count_initial=True)
    seconds = time.perf_counter() - begun
    curves = gap_curves(problem.pool, problem.values, done.positions, "minimize", 0.0)
    return Run(
        gap=curves.mean,
        found=curves.n_exact / len(problem.pool.systems),
        modes=_modes(done.refits, len(done.positions)),
        seconds=seconds,
    )


def _modes(refits: tuple[Refit, ...], count: int) -> list[int]:
    modes = np.full(count, -1)
    for refit in refits:
        if KEY in refit.hyperparameters:
            modes[refit.at_proposal - 1 :] = MODES.index(refit.hyperparameters[KEY]["mode"])
    return [int(mode) for mode in modes]
