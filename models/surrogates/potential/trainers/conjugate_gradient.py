"""Nonlinear conjugate gradients (Polak and Ribière, Nocedal and Wright 2006, equation 5.45)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tansaku.models.domain.pool import FloatArray
from tansaku.models.domain.specs.network_potential import ConjugateGradientSpec
from tansaku.models.surrogates.potential.problem import Problem
from tansaku.models.surrogates.potential.trainers.line_search import Line, Point
from tansaku.models.surrogates.potential.trainers.stage import Stage

_CURVATURE = 0.1


@dataclass(frozen=True)
class Descent:
    """State of conjugate gradients.

    Attributes:
        point: Present weights and loss.
        direction: The last one; None at the start.
        before: Loss before the last step [eV^2].
        since: Directions since the last steepest descent.
        stuck: Not even steepest descent lowers the loss.
    """

    point: Point
    direction: FloatArray | None
    before: float
    since: int
    stuck: bool = False

    @classmethod
    def begun(cls, point: Point) -> Descent:
        """The state before the first step; its length is guessed as if the loss had been twice as large before."""
        return cls(point, None, 2.0 * point.loss, 0)


def descend(problem: Problem, descent: Descent, iterations: int, restart: int) -> Descent:
    """Takes a number of steps.

    Args:
        problem: Whose loss falls.
        descent: The state.
        iterations: Steps at most.
        restart: Directions after which the next is the steepest descent again.
    """
    line = Line(problem, _CURVATURE)
    done = 0
    while done < iterations and not descent.stuck:
        point, steepest = descent.point, -descent.point.gradient
        fresh = descent.direction is None or descent.since >= restart or bool(descent.direction @ point.gradient >= 0)
        direction = steepest if fresh or descent.direction is None else descent.direction
        found = line.step(point, direction, descent.before)
        done += 1
        if found is None:
            # Rounding may prevent progress along the steepest descent too.
            descent = Descent(point, None, 2.0 * point.loss, 0, stuck=fresh)
            continue
        turn = found.gradient @ (found.gradient - point.gradient) / (point.gradient @ point.gradient)
        following = -found.gradient + max(0.0, float(turn)) * direction
        descent = Descent(found, following, point.loss, 1 if fresh else descent.since + 1)
    return descent


def conjugate_gradient(spec: ConjugateGradientSpec, problem: Problem, stage: Stage) -> Stage:
    """One cycle; nothing in it is random."""
    descent = Descent.begun(Point.at(problem, stage.weights))
    if stage.memory:
        before, since = stage.number("before", descent.before), int(stage.number("since", 0))
        descent = Descent(descent.point, stage.memory["direction"], before, since)
    descent = descend(problem, descent, spec.iterations, spec.restart)
    memory = {}
    if descent.direction is not None:
        memory = {
            "direction": descent.direction,
            "before": np.array([descent.before]),
            "since": np.array([float(descent.since)]),
        }
    return Stage(descent.point.weights, memory, stage.cycle + 1, descent.stuck, f"{spec.iterations} directions")
