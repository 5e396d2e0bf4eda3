"""Limited-memory BFGS (Nocedal and Wright 2006, algorithm 7.4)."""

from __future__ import annotations

import numpy as np

from tansaku.models.domain.pool import FloatArray
from tansaku.models.domain.specs.network_potential import LbfgsSpec
from tansaku.models.surrogates.potential.problem import Problem
from tansaku.models.surrogates.potential.trainers.line_search import Line, Point
from tansaku.models.surrogates.potential.trainers.stage import Stage

_CURVATURE = 0.9


def lbfgs(spec: LbfgsSpec, problem: Problem, stage: Stage) -> Stage:
    """One cycle; nothing in it is random."""
    line = Line(problem, _CURVATURE)
    point = Point.at(problem, stage.weights)
    steps, changes = (list(stage.memory.get(name, ())) for name in ("steps", "changes"))
    before = stage.number("before", 2.0 * point.loss)
    stuck = False
    for _ in range(spec.iterations):
        direction = _direction(point.gradient, steps, changes)
        found = line.step(point, direction, before) if direction @ point.gradient < 0 else None
        if found is None:
            stuck = not steps
            if stuck:
                break
            steps, changes = [], []
            continue
        step, change = found.weights - point.weights, found.gradient - point.gradient
        if step @ change > 0:
            steps, changes = [*steps, step][-spec.memory :], [*changes, change][-spec.memory :]
        before, point = point.loss, found
    memory = {"steps": np.array(steps), "changes": np.array(changes), "before": np.array([before])} if steps else {}
    return Stage(point.weights, memory, stage.cycle + 1, stuck, f"{spec.iterations} steps")


def _direction(gradient: FloatArray, steps: list[FloatArray], changes: list[FloatArray]) -> FloatArray:
    """Minus the inverse curvature times the gradient."""
    found = -gradient
    shares = []
    for step, change in zip(reversed(steps), reversed(changes), strict=True):
        share = (step @ found) / (step @ change)
        found = found - share * change
        shares.append(share)
    if steps:
        found = found * (steps[-1] @ changes[-1]) / (changes[-1] @ changes[-1])
    for step, change, share in zip(steps, changes, reversed(shares), strict=True):
        found = found + (share - (change @ found) / (step @ change)) * step
    return found
