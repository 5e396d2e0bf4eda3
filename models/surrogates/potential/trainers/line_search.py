"""Descent along directions, with steps that meet the strong Wolfe conditions (Nocedal and Wright 2006, algorithm 3.5)."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

from tansaku.models.domain.pool import FloatArray
from tansaku.models.surrogates.potential.problem import Problem


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
    """Steps along directions from point to point.

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
