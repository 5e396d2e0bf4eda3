"""Trainers of network potentials: the state between two cycles, and one function for a cycle of each."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import assert_never

import numpy as np

from tansaku.models.domain.errors import FitError
from tansaku.models.domain.pool import FloatArray
from tansaku.potentials.network.problem import Problem
from tansaku.potentials.specs.network import (
    AdamSpec,
    AnnealedSpec,
    ConjugateGradientSpec,
    LbfgsSpec,
    LevenbergMarquardtSpec,
    PotentialTrainerSpec,
)

_LEAST_DAMPING = 1e-15
_MOST_WEIGHTS = 10_000
"""Largest number of weights or residuals of the normal equations; they take 0.8 GB, and as much again while they are solved."""

_LBFGS_CURVATURE = 0.9

_ADAM_FIRST, _ADAM_SECOND, _ADAM_SMALL = 0.9, 0.999, 1e-8

_CONJUGATE_CURVATURE = 0.1


@dataclass(frozen=True)
class Stage:
    """State of a trainer.

    Attributes:
        weights: Shape ``(n_weights,)``.
        memory: The trainer's own state between cycles; empty at the start.
        converged: No further cycle would change anything.
        note: Description of the last cycle.
    """

    weights: FloatArray
    memory: Mapping[str, FloatArray] = field(default_factory=dict)
    cycle: int = 0
    converged: bool = False
    note: str = ""

    def number(self, name: str, otherwise: float) -> float:
        """A number in the trainer's state."""
        return float(self.memory[name][0]) if name in self.memory else otherwise


Cycle = Callable[[Problem, Stage, np.random.Generator], Stage]
"""One cycle of a trainer. All its random numbers come from the given generator."""


@dataclass(frozen=True)
class Point:
    """Weights with the loss there.

    Attributes:
        weights: Shape ``(n_weights,)``.
        loss: [eV^2]
        gradient: Shape ``(n_weights,)``.
    """

    weights: FloatArray
    loss: float
    gradient: FloatArray

    @classmethod
    def at(cls, problem: Problem, weights: FloatArray) -> Point:
        """Computes the loss at weights."""
        return cls(weights, *problem.gradient(weights))


class Line:
    """Steps along directions that meet the strong Wolfe conditions (Nocedal and Wright 2006, algorithm 3.5).

    Args:
        problem: Whose loss falls.
        curvature: Share of the directional derivative that may remain after a step (c2 of the Wolfe conditions).
    """

    def __init__(self, problem: Problem, curvature: float) -> None:
        self._problem, self._curvature = problem, curvature
        self._seen: list[Point] = []

    def step(self, point: Point, direction: FloatArray, before: float) -> Point | None:
        """The point that a step along a direction leads to, None where no step lowers the loss.

        Args:
            point: Where the step begins.
            direction: Along which the loss falls, shape ``(n_weights,)``.
            before: Loss at the beginning of the previous step, from which the first length is guessed [eV^2].
        """
        from scipy.optimize import line_search
        from scipy.optimize._linesearch import LineSearchWarning

        self._seen = [point]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", LineSearchWarning)  # the missing length shows the failure
            length = line_search(
                self._loss,
                self._gradient,
                point.weights,
                direction,
                point.gradient,
                point.loss,
                before,
                c2=self._curvature,
                maxiter=20,
            )[0]
        best = min(self._seen, key=lambda item: item.loss)
        found = best if length is None else self._at(point.weights + length * direction)
        return found if found.loss < point.loss else None

    def _at(self, weights: FloatArray) -> Point:
        # The search asks for loss and gradient of the same weights in turn.
        for item in reversed(self._seen):
            if np.array_equal(item.weights, weights):
                return item
        self._seen.append(Point.at(self._problem, weights.copy()))
        return self._seen[-1]

    def _loss(self, weights: FloatArray) -> float:
        return self._at(weights).loss

    def _gradient(self, weights: FloatArray) -> FloatArray:
        return self._at(weights).gradient


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
        iterations: Steps at most.
        restart: Directions after which the next is the steepest descent again.
    """
    line = Line(problem, _CONJUGATE_CURVATURE)
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
    """One cycle of nonlinear conjugate gradients; nothing in it is random.

    They are those of Polak and Ribière (Nocedal and Wright 2006, equation 5.45).
    """
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


def annealed(spec: AnnealedSpec, problem: Problem, stage: Stage, rng: np.random.Generator) -> Stage:
    """One cycle: simulated annealing (except in the first cycle), then conjugate gradients.

    The two alternate in Matsunaga's report (15K14122, 2017). It gives no schedule, no moves and no temperatures; we chose them.
    """
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


def adam(spec: AdamSpec, problem: Problem, stage: Stage, rng: np.random.Generator) -> Stage:
    """One cycle of Adam on random batches (Kingma and Ba 2015, arXiv:1412.6980)."""
    weights = stage.weights
    mean = stage.memory.get("mean", np.zeros_like(weights))
    square = stage.memory.get("square", np.zeros_like(weights))
    count = int(stage.number("count", 0))
    rate = spec.rate * spec.last_rate ** (stage.cycle / max(1, spec.cycles - 1))
    for _ in range(spec.epochs):
        for batch in problem.batches(spec.batch, rng):
            _, gradient = batch.gradient(weights)
            # Steps do not depend on the scale of the loss, but `_ADAM_SMALL` is meant for a loss in its own unit.
            gradient = gradient / problem.unit**2
            count += 1
            mean = _ADAM_FIRST * mean + (1.0 - _ADAM_FIRST) * gradient
            square = _ADAM_SECOND * square + (1.0 - _ADAM_SECOND) * gradient**2
            size = np.sqrt(square / (1.0 - _ADAM_SECOND**count)) + _ADAM_SMALL
            weights = weights - rate * (mean / (1.0 - _ADAM_FIRST**count)) / size
    memory = {"mean": mean, "square": square, "count": np.array([float(count)])}
    return Stage(weights, memory, stage.cycle + 1, converged=False, note=f"{spec.epochs} epochs at rate {rate:.2g}")


def lbfgs(spec: LbfgsSpec, problem: Problem, stage: Stage) -> Stage:
    """One cycle of limited-memory BFGS (Nocedal and Wright 2006, algorithm 7.4); nothing in it is random."""
    line = Line(problem, _LBFGS_CURVATURE)
    point = Point.at(problem, stage.weights)
    steps, changes = (list(stage.memory.get(name, ())) for name in ("steps", "changes"))
    before = stage.number("before", 2.0 * point.loss)
    stuck = False
    for _ in range(spec.iterations):
        direction = _lbfgs_direction(point.gradient, steps, changes)
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


def _lbfgs_direction(gradient: FloatArray, steps: list[FloatArray], changes: list[FloatArray]) -> FloatArray:
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


def levenberg_marquardt(spec: LevenbergMarquardtSpec, problem: Problem, stage: Stage) -> Stage:
    """One step of damped least squares (Marquardt 1963, doi:10.1137/0111030); nothing in it is random."""
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
            memory = {"damping": np.array([max(damping * spec.lower, _LEAST_DAMPING)])}
            return Stage(trial, memory, stage.cycle + 1, converged=False, note=note)
        damping *= spec.increase
    memory = {"damping": np.array([damping])}
    return Stage(stage.weights, memory, stage.cycle + 1, converged=True, note="no damping lowers the loss")


def open_cycle(spec: PotentialTrainerSpec) -> Cycle:
    """Returns the function that runs one cycle of a trainer."""
    match spec:
        case AnnealedSpec():
            return partial(annealed, spec)
        case AdamSpec():
            return partial(adam, spec)
        case ConjugateGradientSpec():
            return lambda problem, stage, _: conjugate_gradient(spec, problem, stage)
        case LbfgsSpec():
            return lambda problem, stage, _: lbfgs(spec, problem, stage)
        case LevenbergMarquardtSpec():
            return lambda problem, stage, _: levenberg_marquardt(spec, problem, stage)
        case _:
            assert_never(spec)
