"""One run of a benchmark in its own process: ``python -m tansaku.tasks.act.replay.run OUT``, its task on standard input."""

from __future__ import annotations

import os
import resource
import sys
import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.feasibility import answers_of
from tansaku.models.domain.history import cost_limit
from tansaku.models.domain.pool import CandidatePool, FloatArray, IntArray
from tansaku.models.domain.ports import TabulatedSpace
from tansaku.models.domain.specs.proposer import withholds
from tansaku.spaces.space_registry import open_space
from tansaku.tasks.act.replay.campaign import replay
from tansaku.tasks.act.replay.methods import at_levels, build_method, method_pool
from tansaku.tasks.act.replay.records import BenchRun, ReplayTask
from tansaku.tasks.loop.ledger.rounds import RoundRules
from tansaku.tasks.read.views.fronts import tabulated_values, volume_shares

_EXACT = 1e-6
"""Gap [objective's unit] up to which a minimum counts as found exactly."""


@dataclass(frozen=True)
class GapCurves:
    """One entry per evaluation, over the systems that have a value at all.

    Attributes:
        cost: Cumulative cost [the spec's cost unit], shape ``(n,)``.
        mean: Mean gap [objective's unit], shape ``(n,)``.
        worst: Largest gap, same unit and shape.
        n_exact: Systems whose optimum is found, shape ``(n,)``.
        n_within: Systems within the tolerance of their optimum, shape ``(n,)``.
    """

    cost: FloatArray
    mean: FloatArray
    worst: FloatArray
    n_exact: IntArray
    n_within: IntArray


def gap_curves(
    pool: CandidatePool,
    values: FloatArray,
    positions: IntArray,
    direction: Literal["minimize", "maximize"],
    within: float,
) -> GapCurves:
    """Gap of each system after each evaluation: best found less true optimum; worst less best where nothing was found.

    Args:
        values: Their objective, NaN where the evaluation fails, shape ``(n_candidates,)``.
        positions: Candidates in the order evaluated, shape ``(n,)``.
        direction: ``maximize`` makes the largest value the optimum.
        within: Tolerance of ``n_within`` [objective's unit].

    Raises:
        ConfigurationError: No system has a value.
    """
    oriented = values if direction == "minimize" else -values
    n_systems = len(pool.systems)
    best, worst = np.full(n_systems, np.inf), np.full(n_systems, -np.inf)
    known = ~np.isnan(oriented)
    np.minimum.at(best, pool.system_codes[known], oriented[known])
    np.maximum.at(worst, pool.system_codes[known], oriented[known])
    scored = np.isfinite(best)
    if not scored.any():
        raise ConfigurationError("space.columns.value: no system has a value")
    gap = np.where(scored, worst - best, 0.0)
    n_scored = int(scored.sum())
    found = np.where(np.isnan(oriented[positions]), np.inf, oriented[positions] - best[pool.system_codes[positions]])
    # Each evaluation moves one system at most, so a column per system holds its gap over time as a running minimum.
    n = len(positions)
    gaps = np.full((n + 1, n_systems), np.inf)
    gaps[0] = gap
    gaps[np.arange(1, n + 1), pool.system_codes[positions]] = found
    # Until its first value a system has the gap of its worst candidate, so that a running minimum is right from the start.
    running = np.minimum.accumulate(gaps, axis=0)[1:, scored]
    return GapCurves(
        cost=np.cumsum(pool.cost[positions]),
        mean=running.sum(axis=1) / n_scored,
        worst=running.max(axis=1, initial=0.0),
        n_exact=(running <= _EXACT).sum(axis=1).astype(np.intp),
        n_within=(running <= within).sum(axis=1).astype(np.intp),
    )


PROGRESS_SECONDS = 1.0

_RUN_TIMES = 0x7174  # sets this stream apart from those of the proposals

PARENT_GONE = 3
"""Exit status of a run whose benchmark process ended first."""


def open_table(spec_task: ReplayTask) -> TabulatedSpace:
    """Opens a task's space.

    Raises:
        ConfigurationError: It has no recorded values.
    """
    space = open_space(spec_task.spec.space, Path(spec_task.base_path))
    if not isinstance(space, TabulatedSpace):
        raise ConfigurationError(
            f"space.type: {spec_task.spec.space.type!r} has no recorded values to replay, expected 'table'",
            hint="run the campaign with proposer type grid, then `tansaku export` it",
        )
    return space


def run_one(task: ReplayTask, *, report: bool = False) -> BenchRun:
    """Replays one method with one seed.

    Args:
        report: Whether progress goes to standard output, as lines of evaluations and share of the budget.

    Raises:
        ConfigurationError: The table or the method does not fit.
    """
    pool, truth, answers = _searched(task)
    spec, objective, begun = task.spec, task.spec.objective, time.perf_counter()
    proposer = build_method(task.method, spec, pool, Path(task.base_path))
    rules = RoundRules(
        seed=task.seed,
        source="table",
        direction=spec.objective.direction,
        budget=spec.budget,
        limit=cost_limit(spec.budget, pool),
        initial_count=proposer.initial_count(pool),
        in_flight=task.in_flight,
        ordered=spec.execution.asynchrony == "ordered",
        max_cost=spec.constraints.max_cost,
        unit=spec.objective.unit,
        further=objective.further_directions,
        withholds=withholds(spec.proposer),
    )
    done = replay(
        pool,
        truth,
        proposer,
        rules,
        count_initial=task.count_initial,
        run_times=run_times(pool, task.seed, task.spread),
        on_evaluation=_Reporter(rules.limit) if report else None,
    )
    curves = gap_curves(pool, answers[:, 0], done.positions, spec.objective.direction, task.within)
    initial_cost = float(pool.cost[done.positions[: done.n_initial]].sum())
    return BenchRun(
        method=task.method,
        seed=task.seed,
        cost=(curves.cost - (0.0 if task.count_initial else initial_cost)).tolist(),
        mean_gap=curves.mean.tolist(),
        n_exact=curves.n_exact.tolist(),
        worst_gap=curves.worst.tolist(),
        n_within=curves.n_within.tolist(),
        n_initial=done.n_initial,
        initial_cost=initial_cost,
        n_failed=int(np.isnan(truth[done.positions]).any(axis=1).sum()),
        candidates=pool.ids[done.positions].tolist(),
        time=done.ended_at.tolist(),
        volume=volume_shares(answers, answers[done.positions], objective).tolist() if objective.goals else [],
        stop=None if done.stop is None else str(done.stop),
        seconds=time.perf_counter() - begun,
        peak_memory_mb=_peak_memory(),
    )


def _searched(task: ReplayTask) -> tuple[CandidatePool, FloatArray, FloatArray]:
    """The pool that the method searches, all values, and those that are answers, NaN elsewhere."""
    space, objective = open_table(task), task.spec.objective
    truth = tabulated_values(space, objective)
    answers = answers_of(objective, truth)
    pool = method_pool(task.method, task.spec, space, Path(task.base_path))
    if pool.levels is not None:
        # No further quantity is wanted beside the value of a campaign with levels.
        truth, answers = (part[:, None] for part in at_levels(task.spec, Path(task.base_path), pool.levels, truth[:, 0]))
    return (pool if task.cost_power == 1.0 else replace(pool, cost=pool.cost**task.cost_power)), truth, answers


def run_times(pool: CandidatePool, seed: int, spread: float) -> FloatArray:
    """Draws run times: an evaluation's cost times a log-normal factor of its own, the same for every method of a seed.

    Args:
        spread: Standard deviation of the factor's logarithm.

    Returns:
        Shape ``(n_candidates,)``.
    """
    if not spread:
        return pool.cost
    return np.asarray(pool.cost * np.exp(spread * np.random.default_rng([seed, _RUN_TIMES]).normal(size=len(pool))))


class _Reporter:
    """Writes a line of progress now and then."""

    def __init__(self, limit: float | None) -> None:
        self._limit = limit
        self._last = time.perf_counter()

    def __call__(self, n_evaluations: int, cost: float) -> None:
        now = time.perf_counter()
        if now - self._last >= PROGRESS_SECONDS:
            self._last = now
            share = 0.0 if self._limit is None else min(cost / self._limit, 0.99)
            sys.stdout.write(f"{n_evaluations} {share}\n")
            sys.stdout.flush()


def _peak_memory() -> float:
    """Largest resident size of this process [MiB].

    Linux lets a child inherit its parent's ``ru_maxrss``; the kernel's own high-water mark of the address space does not.
    """
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _end_with_parent() -> None:
    """Ends this process when the benchmark that holds the other end of standard input is gone, however it went."""
    sys.stdin.read()
    os._exit(PARENT_GONE)


def main() -> None:
    """Reads a task, runs it, leaves its result under the given name in one step."""
    out = Path(sys.argv[1])
    task = ReplayTask.model_validate_json(sys.stdin.readline())
    threading.Thread(target=_end_with_parent, daemon=True).start()
    run = run_one(task, report=True)
    temporary = out.with_name(f"{out.name}.part")
    temporary.write_text(run.model_dump_json())
    temporary.replace(out)


if __name__ == "__main__":
    main()
