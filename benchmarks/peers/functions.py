"""``python -m benchmarks.peers.functions --out result.json``: continuous functions, by us and by other people's optimisers.

The functions, initial points and numbers of evaluations are those of ``benchmarks.parameters``. Each peer runs in the
environment of ``--python`` (this one by default), through a script that its user would write (``benchmarks/peers/drivers``);
those that are not installed there are left out. Regret is the best allowed value found minus the smallest one possible. An
interrupted run continues with the same command.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
import yaml

from benchmarks.command import begun, command, results
from benchmarks.parameters.__main__ import PROBLEMS, Problem
from benchmarks.parameters.refined import search
from benchmarks.peers.driven import PeerError, Search, drive, installed, user_lines
from benchmarks.peers.regret import draw_regret
from tansaku.models.domain.pool import FloatArray
from tansaku.models.domain.records import JsonDict
from tansaku.spaces.parameters import ParameterValues
from tansaku.tasks.node.jobs.machine import describe_machine
from tansaku.tasks.node.jobs.spool_files import write_json

LAYOUT = 1
UNCONSTRAINED = ("physbo",)
"""Peers that know no constraint; they are left out where there is one."""

Case = tuple[str, str, int, int, str]


def run(case: Case) -> JsonDict:
    """One problem by one method with one seed."""
    name, method, seed, count, python = case
    problem = PROBLEMS[name]
    n_initial, spec = 2 * problem.dimensions, problem.spec(seed)
    started = time.perf_counter()
    points, values = search(spec, n_initial if method != "tansaku" else count, seed, initial=n_initial)
    seconds = (time.perf_counter() - started) / max(count - n_initial, 1)
    initial = ParameterValues(spec).scaled(points)
    row: JsonDict = {"problem": name, "method": method, "seed": seed, "evaluations": count, "initial": n_initial}
    if method == "tansaku":
        return row | _outcome(problem, initial, values, seconds)
    try:
        wanted = Search(initial, count, problem.most_of_unit, seed)
        return row | _outcome(problem, *drive(Path(python), method, wanted, problem.value))
    except PeerError as error:
        return row | {"error": str(error)}


def _outcome(problem: Problem, points: FloatArray, values: FloatArray, seconds: float) -> JsonDict:
    limit = problem.most_of_unit
    allowed = np.ones(len(points), bool) if limit is None else points.sum(axis=1) <= limit + 1e-6
    best = np.minimum.accumulate(np.where(allowed, values, np.inf))
    return {"best": [None if np.isinf(item) else item for item in best.tolist()], "seconds_per_proposal": seconds}


def our_lines(name: str) -> int:
    """Lines of the campaign file that our user writes for a problem."""
    space = PROBLEMS[name].spec(0).model_dump(mode="json", exclude_unset=True, exclude={"seed"})
    document = {"schema_version": 1, "space": {"type": "parameters", **space}, "budget": {"evaluations": 60}}
    return len(yaml.safe_dump(document, default_flow_style=None, width=100).splitlines())


def summary(rows: list[JsonDict], lowest: dict[str, float]) -> list[JsonDict]:
    """Median and quartiles of the final regret, median seconds of a proposal and lines of user code."""
    found = []
    for name, method in dict.fromkeys((row["problem"], row["method"]) for row in rows):
        mine = [row for row in rows if (row["problem"], row["method"]) == (name, method) and "best" in row]
        if not mine:
            continue
        regrets = [row["best"][-1] - lowest[name] for row in mine if row["best"][-1] is not None]
        found.append(
            {
                "problem": name,
                "method": method,
                "evaluations": mine[0]["evaluations"],
                "seeds": len(mine),
                "regret_quartiles": np.quantile(regrets, (0.25, 0.5, 0.75)).tolist() if regrets else None,
                "seconds_per_proposal": float(np.median([row["seconds_per_proposal"] for row in mine])),
                "user_lines": our_lines(name) if method == "tansaku" else user_lines(method),
            }
        )
    return found


def main() -> None:
    """Runs and writes the comparison."""
    parser = command("peers.functions", __doc__, quick="one seed, four proposals each", figure="regret", jobs="searches")
    parser.add_argument("--seeds", type=int, default=5, help="how many")
    parser.add_argument("--python", type=Path, default=Path(sys.executable), help="interpreter of the peers' environment")
    parser.add_argument("--methods", nargs="+", help="tansaku and names of peers; all that are installed by default")
    parser.add_argument("--evaluations", type=int, help="of each search, instead of 60, 100 and 60")
    parser.add_argument("--problems", nargs="+", choices=list(PROBLEMS), default=list(PROBLEMS))
    given = parser.parse_args()
    versions = installed(given.python)
    methods = given.methods or ["tansaku", *versions]
    seeds = range(1 if given.quick else given.seeds)
    same = {"schema_version": LAYOUT, "quick": given.quick, "evaluations": given.evaluations}
    document = begun(given.out, same, lowest={}, versions={}, runs=[])
    document["lowest"] |= {name: PROBLEMS[name].lowest() for name in given.problems if name not in document["lowest"]}
    document["versions"] |= versions
    known = {(row["problem"], row["method"], row["seed"]) for row in document["runs"] if "best" in row}
    document["runs"] = [row for row in document["runs"] if "best" in row]
    cases: list[Case] = []
    for seed in seeds:
        for name in given.problems:
            problem = PROBLEMS[name]
            count = 2 * problem.dimensions + 4 if given.quick else given.evaluations or problem.evaluations
            fitting = [item for item in methods if problem.most is None or item not in UNCONSTRAINED]
            cases += [(name, method, seed, count, str(given.python)) for method in fitting if (name, method, seed) not in known]
    for row in results(run, cases, given.jobs):
        document["runs"].append(row)
        document["summary"] = summary(document["runs"], document["lowest"])
        write_json(given.out, document | {"provenance": describe_machine()})
        end = f"{row['best'][-1]}, {row['seconds_per_proposal']:.2f} s a proposal" if "best" in row else row["error"]
        print(f"{row['problem']}, {row['method']}, seed {row['seed']}: {end}", flush=True)
    if given.figure is not None:
        draw_regret(document, given.figure)
    for line in summary(document["runs"], document["lowest"]):
        regret = "-" if line["regret_quartiles"] is None else f"{line['regret_quartiles'][1]:.4g}"
        print(
            f"{line['problem']:28} {line['method']:8} {regret:>9} {line['seconds_per_proposal']:8.3f} s "
            f"{line['user_lines']:3} lines, {line['seeds']} seeds"
        )


if __name__ == "__main__":
    main()
