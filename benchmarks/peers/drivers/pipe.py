"""Messages between a driver and its caller: the problem first, then a point out and its value in, a line of JSON each."""

from __future__ import annotations

import json
import os
import sys


class Pipe:
    """The benchmark at the other end. Nothing else may write to standard output.

    Attributes:
        dimensions: Of the unit cube.
        most: Largest sum of the coordinates, None for no constraint.
        seed: Of everything random.
        points: Evaluated so far, the initial ones first.
        values: Their values.
    """

    def __init__(self) -> None:
        problem = json.loads(sys.stdin.readline())
        self._answers = os.fdopen(os.dup(1), "w", buffering=1)
        os.dup2(2, 1)  # libraries print what they like
        self.dimensions: int = problem["dimensions"]
        self.most: float | None = problem["most"]
        self.seed: int = problem["seed"]
        self.points: list[list[float]] = problem["points"]
        self.values: list[float] = problem["values"]

    def evaluate(self, point: list[float]) -> float:
        """The value of a point; ends the process when there are no more."""
        self._answers.write(json.dumps([float(number) for number in point]) + "\n")
        line = sys.stdin.readline()
        if not line:
            self._answers.close()
            sys.exit(0)
        self.points.append(list(map(float, point)))
        self.values.append(float(json.loads(line)))
        return self.values[-1]
