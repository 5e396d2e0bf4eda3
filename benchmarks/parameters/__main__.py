"""``python -m benchmarks.parameters --out result.json``: continuous functions, each method by its own defaults.

Ours: a new campaign of a space of ``type: parameters`` whose file names no proposer. BoTorch: twice as many initial points as
parameters from a Sobol' sequence, then ``SingleTaskGP``, refitted before each proposal, and log expected improvement by
``optimize_acqf`` (10 restarts, 512 raw samples). Ax: its client, which chooses the initial points too. All evaluate one point
at a time, equally many, each peer on one thread. Regret is the best allowed value found minus the smallest one possible. An
interrupted run continues with the same command.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.optimize import minimize

from benchmarks.command import begun, command, results
from benchmarks.parameters.refined import search
from benchmarks.peers.driven import PeerError, Search, drive, installed
from tansaku.models.domain.pool import FloatArray
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.parameters import ParametersSpaceSpec
from tansaku.models.features.sobol import scrambled_sobol
from tansaku.models.features.standard_functions import STANDARD_FUNCTIONS
from tansaku.tasks.node.jobs.machine import describe_machine
from tansaku.tasks.node.jobs.spool_files import write_json

SEEDS = 20
EVALUATIONS = 50
CURVE = (20, 30, 40, 50)
"""Evaluations after which the regret is summarised."""

METHODS = ("tansaku", "botorch", "ax")
OURS = "tansaku"
_STARTS = 60
_DRAWN = 1024


@dataclass(frozen=True)
class Problem:
    """A function, its box, and a constraint of the sum.

    Attributes:
        function: Its name.
        dimensions: Number of parameters.
        low: Lower bound of each.
        high: Upper bound of each.
        most: Largest sum of the parameters, None for no constraint.
    """

    function: str
    dimensions: int
    low: float
    high: float
    most: float | None

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

    def allows(self, points: FloatArray) -> np.ndarray:
        """Whether points of the unit cube meet the constraint, shape ``(n,)``."""
        bound = self.most_of_unit
        return np.ones(len(points), bool) if bound is None else points.sum(axis=1) <= bound + 1e-6

    def spread(self, count: int, seed: int) -> FloatArray:
        """The first points of a Sobol' sequence that meet the constraint, shape ``(count, dimensions)``."""
        draw, found = scrambled_sobol(self.dimensions, np.random.default_rng(seed)), np.empty((0, self.dimensions))
        while len(found) < count:
            points = draw(_DRAWN)
            found = np.vstack((found, points[self.allows(points)]))
        return found[:count]

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
            if found.success and self.allows(found.x[None, :])[0]:
                least = min(least, float(found.fun))
        return least


PROBLEMS = {
    "hartmann6": Problem("hartmann6", 6, 0.0, 1.0, None),
    "ackley10": Problem("ackley", 10, -32.768, 32.768, None),
    "ackley10, off centre": Problem("ackley", 10, -20.0, 40.0, None),
    "hartmann6, sum at most 1.5": Problem("hartmann6", 6, 0.0, 1.0, 1.5),
}
COMPARED = ("hartmann6", "ackley10, off centre", "hartmann6, sum at most 1.5")
"""Ax begins in the middle of the box, which would be the minimum of Ackley's function."""

Case = tuple[str, str, int, int, str]


def run(case: Case) -> JsonDict:
    """One problem by one method with one seed."""
    name, method, seed, count, python = case
    problem = PROBLEMS[name]
    row: JsonDict = {"problem": name, "method": method, "seed": seed, "evaluations": count}
    started = time.perf_counter()
    if method == OURS:
        points, values = search(problem.spec(seed), count, seed)
        seconds = (time.perf_counter() - started) / count
        allowed = problem.allows((points - problem.low) / (problem.high - problem.low))
    else:
        first = problem.spread(2 * problem.dimensions, seed) if method == "botorch" else np.empty((0, problem.dimensions))
        try:
            points, values, seconds = drive(
                Path(python), method, Search(first, count, problem.most_of_unit, seed), problem.value
            )
        except PeerError as error:
            return row | {"error": str(error)}
        allowed = problem.allows(points)
    best = np.minimum.accumulate(np.where(allowed, values, np.inf))
    return row | {"best": [None if np.isinf(item) else item for item in best.tolist()], "seconds_per_proposal": seconds}


def summary(rows: list[JsonDict], lowest: dict[str, float]) -> list[JsonDict]:
    """Regrets by problem and method: quartiles and mean at the end, means before, and median seconds of a proposal.

    ``paired`` is our mean regret less that of this method over the seeds that both have, with its standard error.
    """
    found = []
    ends = {
        (row["problem"], row["method"], row["seed"]): row for row in rows if row.get("best") and row["best"][-1] is not None
    }
    for name, method in dict.fromkeys((row["problem"], row["method"]) for row in rows):
        mine = {seed: row for (problem, other, seed), row in ends.items() if (problem, other) == (name, method)}
        if not mine:
            continue
        regrets = np.array([row["best"][-1] for row in mine.values()]) - lowest[name]
        both = [seed for seed in mine if (name, OURS, seed) in ends]
        gains = np.array([ends[name, OURS, seed]["best"][-1] - mine[seed]["best"][-1] for seed in both])
        curves = [row["best"] for row in mine.values()]
        shown = [count for count in CURVE if all(curve[count - 1 : count] not in ([], [None]) for curve in curves)]
        found.append(
            {
                "problem": name,
                "method": method,
                "seeds": len(mine),
                "regret_quartiles": np.quantile(regrets, (0.25, 0.5, 0.75)).tolist(),
                "regret_mean": float(regrets.mean()),
                "regret_error": float(regrets.std(ddof=1) / np.sqrt(len(regrets))) if len(regrets) > 1 else None,
                "regret_means": {
                    str(count): float(np.mean([curve[count - 1] for curve in curves]) - lowest[name]) for count in shown
                },
                "paired": [float(gains.mean()), float(gains.std(ddof=1) / np.sqrt(len(gains)))] if len(gains) > 1 else None,
                "seconds_per_proposal": float(np.median([row["seconds_per_proposal"] for row in mine.values()])),
            }
        )
    return found


def main() -> None:
    """Runs and writes the comparison."""
    parser = command("parameters", __doc__, quick="one seed, few evaluations", jobs="searches")
    parser.add_argument("--seeds", type=int, default=SEEDS, help="how many")
    parser.add_argument("--python", type=Path, default=Path(sys.executable), help="interpreter of the peers' environment")
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=METHODS)
    parser.add_argument("--problems", nargs="+", choices=list(PROBLEMS), default=COMPARED)
    given = parser.parse_args()
    versions = installed(given.python)
    document = begun(given.out, {"schema_version": 2, "quick": given.quick}, lowest={}, versions={}, runs=[])
    document["lowest"] |= {name: PROBLEMS[name].lowest() for name in given.problems if name not in document["lowest"]}
    document["versions"] |= {name: versions[name] for name in METHODS if name in versions}
    document["runs"] = [row for row in document["runs"] if "best" in row]
    known = {(row["problem"], row["method"], row["seed"]) for row in document["runs"]}
    methods = [method for method in given.methods if method == OURS or method in versions]
    cases: list[Case] = []
    for seed in range(1 if given.quick else given.seeds):
        for name in given.problems:
            count = 2 * PROBLEMS[name].dimensions + 4 if given.quick else EVALUATIONS
            cases += [(name, method, seed, count, str(given.python)) for method in methods if (name, method, seed) not in known]
    for row in results(run, cases, given.jobs):
        document["runs"].append(row)
        document["summary"] = summary(document["runs"], document["lowest"])
        write_json(given.out, document | {"provenance": describe_machine()})
        end = f"{row['best'][-1]}, {row['seconds_per_proposal']:.2f} s a proposal" if "best" in row else row["error"]
        print(f"{row['problem']}, {row['method']}, seed {row['seed']}: {end}", flush=True)
    for line in summary(document["runs"], document["lowest"]):
        regret, paired = line["regret_quartiles"][1], line["paired"]
        behind = "" if paired is None else f", ours less this {paired[0]:+.3g} ± {paired[1]:.2g}"
        print(f"{line['problem']:28} {line['method']:12} median {regret:.4g}, mean {line['regret_mean']:.4g}{behind}")


if __name__ == "__main__":
    main()
