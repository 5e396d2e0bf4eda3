"""A benchmark in a few numbers: what each method has reached at given costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from tansaku.models.domain.pool import FloatArray
from tansaku.tasks.act.replay.records import BenchResult, BenchRun

Quantity = Literal["mean_gap", "worst_gap", "n_exact", "n_within", "volume"]


@dataclass(frozen=True)
class MethodSummary:
    """One method at the end of the budget, means over seeds.

    Attributes:
        volume: At each of the costs asked for, share of the true front's; None with one objective.
        mean_gap: At each of the costs asked for [objective's unit], NaN where the first evaluation is more expensive.
        worst_gap: Of a system at the last cost, mean over seeds [objective's unit].
        worst_of_all: The largest over systems and seeds [objective's unit].
        n_exact: Systems whose optimum is found at the last cost.
        n_within: Systems within the tolerance at the last cost.
        evaluations: After the initial design.
        seconds: Wall time of a run.
    """

    method: str
    mean_gap: tuple[float, ...]
    worst_gap: float
    worst_of_all: float
    n_exact: float
    n_within: float
    initial_cost: float
    evaluations: float
    seconds: float
    peak_memory_mb: float
    volume: tuple[float, ...] | None = None


def at_cost(run: BenchRun, quantity: Quantity, costs: Sequence[float] | FloatArray) -> FloatArray:
    """A run's curve read at given costs: the last evaluation not beyond each, NaN before the first.

    Args:
        costs: Shape ``(n,)``.

    Returns:
        Shape ``(n,)``.
    """
    curve = np.asarray(getattr(run, quantity), dtype=np.float64)
    place = np.searchsorted(np.asarray(run.cost), costs, side="right") - 1
    # Sums of costs carry rounding; the last evaluation that a budget paid for must not fall out of it.
    near = np.minimum(place + 1, len(curve) - 1)
    place = np.where(np.isclose(np.asarray(run.cost)[near], costs, rtol=1e-12, atol=0.0), near, place)
    return np.where(place >= 0, curve[np.maximum(place, 0)], np.nan)


def checkpoints(result: BenchResult) -> list[float]:
    """Costs at which methods are compared: a tenth, a third, half and all of the budget, or of what was spent without one."""
    budget = result.provenance.get("budget", {})
    end = budget.get("cost") or (budget.get("fraction") or 0.0) * result.exhaustive_cost
    end = end or max(run.cost[-1] for run in result.runs)
    return [share * end for share in (0.1, 1 / 3, 0.5, 1.0)]


def summarise(result: BenchResult, costs: Sequence[float]) -> list[MethodSummary]:
    """Summary of each method, in the order they were asked for.

    Args:
        costs: Ascending; the counts are those at the last one.
    """
    summaries = []
    for method in result.methods():
        runs = [run for run in result.runs if run.method == method]
        gaps = np.array([at_cost(run, "mean_gap", costs) for run in runs])
        worst = np.array([at_cost(run, "worst_gap", costs[-1:])[0] for run in runs])
        summaries.append(
            MethodSummary(
                method=method,
                mean_gap=tuple(gaps.mean(axis=0).tolist()),
                worst_gap=float(worst.mean()),
                worst_of_all=float(worst.max()),
                n_exact=float(np.mean([at_cost(run, "n_exact", costs[-1:])[0] for run in runs])),
                n_within=float(np.mean([at_cost(run, "n_within", costs[-1:])[0] for run in runs])),
                initial_cost=float(np.mean([run.initial_cost for run in runs])),
                evaluations=float(np.mean([len(run.cost) - run.n_initial for run in runs])),
                seconds=float(np.mean([run.seconds for run in runs])),
                peak_memory_mb=max(run.peak_memory_mb for run in runs),
                volume=tuple(np.mean([at_cost(run, "volume", costs) for run in runs], axis=0).tolist())
                if all(run.volume for run in runs)
                else None,
            )
        )
    return summaries
