"""``python -m benchmarks.paths.starts --out FILE [--hosts HOST ...]``: which points should a search begin with?

The searches of ``benchmarks.paths`` with fewer initial points, or with points of high site symmetry first; all ways to choose
points get the same ones. The start was chosen on two hosts, and judged on the others. It continues a FILE.
"""

from __future__ import annotations

import statistics
from itertools import product

from benchmarks.command import begun, command, results
from benchmarks.paths.__main__ import known_problem, settled
from benchmarks.paths.hosts import HOSTS, TUNING, Host
from benchmarks.paths.methods import PATIENCE, SCORES, search
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.kernel import LinearMeanSpec
from tansaku.models.domain.specs.proposer import GPProposerSpec
from tansaku.tasks.node.jobs.machine import describe_machine
from tansaku.tasks.node.jobs.spool_files import write_json

_SURROUNDINGS = (LinearMeanSpec(over="surroundings"),)
"""A mean that is linear in distances from the host's atoms and in the logarithms of bond-valence sums."""

STARTS = {
    "random 8": GPProposerSpec(initial_points=8),
    "random 4": GPProposerSpec(initial_points=4),
    "symmetric 4": GPProposerSpec(initial="symmetric", initial_points=4),
    "symmetric 2": GPProposerSpec(initial="symmetric", initial_points=2),
    "roomy 8": GPProposerSpec(initial="roomy", initial_points=8),
    "roomy 4": GPProposerSpec(initial="roomy", initial_points=4),
    "roomy 2": GPProposerSpec(initial="roomy", initial_points=2),
    "roomy 4, mean": GPProposerSpec(initial="roomy", initial_points=4, mean=_SURROUNDINGS),
    "random 8, mean": GPProposerSpec(initial_points=8, mean=_SURROUNDINGS),
}

EVALUATIONS = 45


def play(case: tuple[Host, str, str, int, int]) -> JsonDict:
    """One search on one surface from one start."""
    host, start, method, seed, evaluations = case
    problem = known_problem(host)
    if problem is None:
        raise FileNotFoundError(host.file)
    run = search(problem, method, seed, evaluations, STARTS[start], certified=False)
    return {"host": host.name, "start": start, "method": method, "seed": seed, "within_10_mev": settled(run)}


def summary(runs: list[JsonDict]) -> list[JsonDict]:
    """One row for each host, start and method; a search that does not end counts as one evaluation more than it may take."""
    rows = []
    for key in dict.fromkeys((run["host"], run["start"], run["method"]) for run in runs):
        counts = [run["within_10_mev"] for run in runs if (run["host"], run["start"], run["method"]) == key]
        median = statistics.median([EVALUATIONS + 1 if count is None else count for count in counts])
        rows.append(dict(zip(("host", "start", "method"), key, strict=True)) | {"within_10_mev": counts, "median": median})
    return rows


def main() -> None:
    """Entry of the command."""
    parser = command("paths.starts", __doc__, quick="one host, one seed, 12 evaluations", jobs="runs")
    known = [host for host in (*HOSTS, *TUNING) if host.file.is_file()]
    parser.add_argument("--seeds", type=int, default=5, help="how many")
    parser.add_argument("--hosts", nargs="+", default=[host.name for host in known], help="which")
    parser.add_argument("--starts", nargs="+", default=list(STARTS), choices=STARTS, help="which")
    parser.add_argument("--methods", nargs="+", default=list(SCORES), choices=SCORES, help="which")
    given = parser.parse_args()
    result = begun(given.out, {"schema_version": 1, "quick": given.quick, "patience": PATIENCE}, runs=[])
    done = {(run["host"], run["start"], run["method"], run["seed"]) for run in result["runs"]}
    hosts = {host.name: host for host in known}
    names, seeds = (given.hosts[:1], 1) if given.quick else (given.hosts, given.seeds)
    cases = [
        (hosts[name], start, method, seed, 12 if given.quick else EVALUATIONS)
        for seed, start, method, name in product(range(seeds), given.starts, given.methods, names)
        if (name, start, method, seed) not in done
    ]
    for run in results(play, cases, given.jobs):
        result["runs"].append(run)
        write_json(given.out, result | {"summary": summary(result["runs"]), "provenance": describe_machine()})
        print(f"{run['host']}, {run['start']}, {run['method']}, {run['seed']}: {run['within_10_mev']}", flush=True)


if __name__ == "__main__":
    main()
