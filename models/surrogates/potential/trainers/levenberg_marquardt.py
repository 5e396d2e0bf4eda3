"""Levenberg and Marquardt's damped least squares (Marquardt 1963, doi:10.1137/0111030)."""

from __future__ import annotations

import numpy as np

from tansaku.models.domain.errors import FitError
from tansaku.models.domain.specs.network_potential import LevenbergMarquardtSpec
from tansaku.models.surrogates.potential.problem import Problem
from tansaku.models.surrogates.potential.trainers.stage import Stage

_LEAST = 1e-15
_MOST_WEIGHTS = 10_000
"""Largest number of weights or residuals of the normal equations; they take 0.8 GB, and as much again while they are solved."""


def levenberg_marquardt(spec: LevenbergMarquardtSpec, problem: Problem, stage: Stage) -> Stage:
    """One step; nothing in it is random."""
    from scipy.linalg import LinAlgError

    if len(stage.weights) > _MOST_WEIGHTS:
        raise FitError(
            f"levenberg_marquardt: {len(stage.weights)} weights; a matrix of more than {_MOST_WEIGHTS} squared is too large",
            hint="trainer: {type: lbfgs}, or smaller networks",
        )
    linearised = problem.linearised(stage.weights)
    typical = linearised.typical
    damping = stage.number("damping", spec.damping)
    for attempt in range(spec.attempts):
        note = f"damping {damping:.2g}, attempt {attempt + 1}"
        try:
            trial = stage.weights - linearised.step(damping * typical)
        except LinAlgError:
            damping *= spec.increase
            continue
        if problem.loss(trial) < linearised.loss:
            memory = {"damping": np.array([max(damping * spec.lower, _LEAST)])}
            return Stage(trial, memory, stage.cycle + 1, converged=False, note=note)
        damping *= spec.increase
    memory = {"damping": np.array([damping])}
    return Stage(stage.weights, memory, stage.cycle + 1, converged=True, note="no damping lowers the loss")
