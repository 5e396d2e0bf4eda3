"""Adam on random batches (Kingma and Ba 2015, arXiv:1412.6980)."""

from __future__ import annotations

import numpy as np

from tansaku.models.domain.specs.network_potential import AdamSpec
from tansaku.models.surrogates.potential.problem import Problem
from tansaku.models.surrogates.potential.trainers.stage import Stage

_FIRST, _SECOND, _SMALL = 0.9, 0.999, 1e-8


def adam(spec: AdamSpec, problem: Problem, stage: Stage, rng: np.random.Generator) -> Stage:
    """One cycle."""
    weights = stage.weights
    mean = stage.memory.get("mean", np.zeros_like(weights))
    square = stage.memory.get("square", np.zeros_like(weights))
    count = int(stage.number("count", 0))
    rate = spec.rate * spec.last_rate ** (stage.cycle / max(1, spec.cycles - 1))
    for _ in range(spec.epochs):
        for batch in problem.batches(spec.batch, rng):
            _, gradient = batch.gradient(weights)
            # Steps do not depend on the scale of the loss, but `_SMALL` is meant for a loss in its own unit.
            gradient = gradient / problem.unit**2
            count += 1
            mean = _FIRST * mean + (1.0 - _FIRST) * gradient
            square = _SECOND * square + (1.0 - _SECOND) * gradient**2
            size = np.sqrt(square / (1.0 - _SECOND**count)) + _SMALL
            weights = weights - rate * (mean / (1.0 - _FIRST**count)) / size
    memory = {"mean": mean, "square": square, "count": np.array([float(count)])}
    return Stage(weights, memory, stage.cycle + 1, converged=False, note=f"{spec.epochs} epochs at rate {rate:.2g}")
