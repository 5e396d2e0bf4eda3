"""``python -m benchmarks.parameters --out result.json``: refined pools against BoTorch's continuous optimisation.

Both see the same initial points, one evaluation at a time, and equally many. BoTorch: ``SingleTaskGP``, refitted before each
proposal, and log expected improvement by ``optimize_acqf`` with 10 restarts and 512 raw samples. Ours: a space of
``type: parameters`` with the default proposer. Regret is the best value found minus the smallest one that the constraints
allow.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.optimize import minimize

from benchmarks.command import command, results
from benchmarks.parameters.continuous import suggest
from benchmarks.parameters.refined import search
from tansaku.models.domain.pool import FloatArray
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.parameters import ParametersSpaceSpec
from tansaku.models.features.standard_functions import STANDARD_FUNCTIONS
from tansaku.spaces.parameters import ParameterValues
from tansaku.tasks.node.jobs.machine import describe_machine

SEEDS = 5
_STARTS = 60


@dataclass(frozen=True)
class Problem:
    """A function, its box, and a constraint of the sum.

    Attributes:
        function: Its name.
        dimensions: Number of parameters.
        low: Lower bound of each.
        high: Upper bound of each.
        most: Largest sum of the parameters, None for no constraint.
        evaluations: How many each method gets.
    """

    function: str
    dimensions: int
    low: float
    high: float
    most: float | None
    evaluations: int

    def spec(self, seed: int) -> ParametersSpaceSpec:
        """The space."""
        names = [f"x{number}" for number in range(1, self.dimensions + 1)]
        bound = {"type": "number", "low": self.low, "high": self.high}
        constraints = [] if self.most is None else [{"terms": dict.fromkeys(names, 1.0), "at_most": self.most}]
        document = {"parameters": dict.fromkeys(names, bound), "constraints": constraints, "function": self.function}
        return ParametersSpaceSpec.model_validate(document | {"seed": seed})

    def value(self, points: FloatArray) -> FloatArray:
        """The function at points of the unit cube."""
        return STANDARD_FUNCTIONS[self.function](self.low + (self.high - self.low) * points)

    @property
    def most_of_unit(self) -> float | None:
        """Largest sum of coordinates in the unit cube."""
        return None if self.most is None else (self.most - self.dimensions * self.low) / (self.high - self.low)

    def lowest(self) -> float:
        """Smallest value that the constraint allows: known for Ackley's function, else by many descents."""
        if self.function == "ackley":
            return 0.0
        rng, least = np.random.default_rng(0), np.inf
        bound = self.most_of_unit
        rules = [] if bound is None else [{"type": "ineq", "fun": lambda point: bound - point.sum()}]
        starts = rng.uniform(size=(_STARTS, self.dimensions))
        for start in starts:
            found = minimize(
                lambda point: float(self.value(point[None, :])[0]),
                start,
                method="SLSQP",
                bounds=[(0, 1)] * self.dimensions,
                constraints=rules,
            )
            if found.success and (bound is None or found.x.sum() <= bound + 1e-6):
                least = min(least, float(found.fun))
        return least


PROBLEMS = {
    "hartmann6": Problem("hartmann6", 6, 0.0, 1.0, None, 60),
    "ackley10": Problem("ackley", 10, -32.768, 32.768, None, 100),
    "hartmann6, sum at most 1.5": Problem("hartmann6", 6, 0.0, 1.0, 1.5, 60),
}

Case = tuple[str, int, bool]


def run(case: Case) -> JsonDict:
    """One problem with one seed, by both methods."""
    name, seed, quick = case
    problem = PROBLEMS[name]
    count = min(problem.evaluations, 2 * problem.dimensions + 8) if quick else problem.evaluations
    spec = problem.spec(seed)
    begun = time.perf_counter()
    points, ours = search(spec, count, 2 * problem.dimensions, seed)
    seconds = (time.perf_counter() - begun) / (count - 2 * problem.dimensions)
    initial = ParameterValues(spec).scaled(points[: 2 * problem.dimensions])
    begun = time.perf_counter()
    theirs = suggest(problem.value, initial, count, problem.most_of_unit, seed)
    their_seconds = (time.perf_counter() - begun) / (count - 2 * problem.dimensions)
    return {
        "problem": name,
        "seed": seed,
        "evaluations": count,
        "initial": 2 * problem.dimensions,
        "ours": {"values": ours.tolist(), "seconds_per_proposal": seconds},
        "botorch": {"values": theirs.tolist(), "seconds_per_proposal": their_seconds},
    }


def summary(rows: list[JsonDict], lowest: dict[str, float]) -> list[JsonDict]:
    """Median and quartiles of the final regret and median seconds of a proposal, by problem and method."""
    found = []
    for name in dict.fromkeys(row["problem"] for row in rows):
        mine = [row for row in rows if row["problem"] == name]
        for method in ("ours", "botorch"):
            regrets = [min(row[method]["values"]) - lowest[name] for row in mine]
            found.append(
                {
                    "problem": name,
                    "method": method,
                    "evaluations": mine[0]["evaluations"],
                    "seeds": len(mine),
                    "regret_quartiles": np.quantile(regrets, (0.25, 0.5, 0.75)).tolist(),
                    "seconds_per_proposal": float(np.median([row[method]["seconds_per_proposal"] for row in mine])),
                }
            )
    return found


def main() -> None:
    """Runs and writes the comparison."""
    parser = command("parameters", __doc__, quick="one seed, 8 proposals each", jobs="problems and seeds")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    given = parser.parse_args()
    cases = [(name, seed, given.quick) for name in PROBLEMS for seed in range(1 if given.quick else given.seeds)]
    lowest = {name: problem.lowest() for name, problem in PROBLEMS.items()}
    rows: list[JsonDict] = []
    for row in results(run, cases, given.jobs):
        rows.append(row)
        print(
            row["problem"],
            row["seed"],
            *(f"{min(row[method]['values']) - lowest[row['problem']]:.4g}" for method in ("ours", "botorch")),
        )
        document = {"schema_version": 1, "lowest": lowest, "runs": rows, "summary": summary(rows, lowest)}
        Path(given.out).write_text(json.dumps(document | {"provenance": describe_machine()}, indent=2) + "\n")
    for line in summary(rows, lowest):
        print(
            f"{line['problem']:28} {line['method']:8} {line['regret_quartiles'][1]:8.4f} {line['seconds_per_proposal']:8.3f} s"
        )


if __name__ == "__main__":
    main()
