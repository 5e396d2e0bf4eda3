"""Conjugate gradients that alternate with simulated annealing, as described in Matsunaga's report (15K14122, 2017).

The report gives no schedule, no moves and no temperatures; we chose them.
"""

from __future__ import annotations

import numpy as np

from tansaku.models.domain.pool import FloatArray
from tansaku.models.domain.specs.network_potential import AnnealedSpec
from tansaku.models.surrogates.potential.problem import Problem
from tansaku.models.surrogates.potential.trainers.conjugate_gradient import Descent, descend
from tansaku.models.surrogates.potential.trainers.line_search import Point
from tansaku.models.surrogates.potential.trainers.stage import Stage


def annealed(spec: AnnealedSpec, problem: Problem, stage: Stage, rng: np.random.Generator) -> Stage:
    """Runs one cycle: annealing (except in the first cycle), then conjugate gradients."""
    weights, accepted = stage.weights, 0
    if stage.cycle and spec.moves:
        weights, accepted = anneal(spec, problem, weights, rng)
    descent = descend(problem, Descent.begun(Point.at(problem, weights)), spec.iterations, spec.restart)
    note = f"{accepted} of {spec.moves} moves accepted, {spec.iterations} directions"
    return Stage(descent.point.weights, {}, stage.cycle + 1, descent.stuck and not spec.moves, note)


def anneal(spec: AnnealedSpec, problem: Problem, weights: FloatArray, rng: np.random.Generator) -> tuple[FloatArray, int]:
    """Simulated annealing from given weights.

    Returns:
        The last weights, and how many moves were accepted.
    """
    loss = problem.loss(weights)
    hottest, size = spec.hottest * loss, float(np.sqrt(np.mean(weights**2)))
    accepted = 0
    for move in range(spec.moves):
        cooled = spec.coldest ** (move / max(1, spec.moves - 1))
        noise = rng.normal(size=len(weights)) * (rng.random(len(weights)) < spec.moved)
        trial = weights + spec.stride * size * np.sqrt(cooled) * noise
        other = problem.loss(trial)
        if other <= loss or rng.random() < np.exp((loss - other) / (hottest * cooled)):
            weights, loss = trial, other
            accepted += 1
    return weights, accepted
