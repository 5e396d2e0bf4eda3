"""``python -m benchmarks.paths --out result.json``: how many energies does it take to know the barrier of an ion in a crystal?

Every surface was computed completely by CHGNet, the host rigid (``benchmarks.paths.exhaustive``). Four ways to choose points
are replayed on it, with the same Gaussian process, start and estimate: flooding what the model expects, computed points as they
are. ``low_points`` of a host are not above its bottleneck, ``low_points_of_start`` those among the initial points of each seed.
``within_10_mev`` is the number of evaluations after which the estimated barrier stays within 10 meV of the true one,
``limit`` the larger of 5 % of the distinct points and 40, ``reached`` the share of seeds within it. ``calibration`` says how
often the certificates' intervals contain the true barrier. Nudged elastic bands on the same surfaces
(``benchmarks.paths.bands``) say what a search with an initial path takes. It continues a FILE.
"""

from __future__ import annotations

import statistics
import time
from dataclasses import asdict
from functools import lru_cache
from itertools import product
from pathlib import Path

import numpy as np

from benchmarks.command import begun, command, results
from benchmarks.paths.bands import ENDS, STARTS, compare
from benchmarks.paths.hosts import HOSTS, Host, surface_values
from benchmarks.paths.methods import PATIENCE, SCORES, Problem, limit_of, search, started, stopped
from tansaku.calculators.calculator_registry import open_calculator
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.calculators.chgnet import ChgnetSpec
from tansaku.models.engine.percolation import bottleneck
from tansaku.tasks.node.jobs.machine import describe_machine
from tansaku.tasks.node.jobs.spool_files import write_json

TOLERANCE = 0.01
"""An estimate is right that is off by at most this [eV]."""

FINE = 800
"""The goal is judged on hosts with so many distinct points or more: 5 % of them are 40 evaluations."""

_SHARP = 1e-3
"""Certificates that leave less open count as sharp [eV]."""

_ROUNDED = 1e-6
"""The model restores computed energies up to this [eV]."""

_SEEDS = 5
"""Seeds whose starts are described."""

_SHARES = (0.01, 0.02, 0.03, 0.05, 0.075, 0.1)


def settings(*, quick: bool) -> JsonDict:
    """Returns the settings on which a run's numbers depend."""
    return {"schema_version": 1, "quick": quick, "evaluations": 12 if quick else 45, "patience": PATIENCE}


def play(case: tuple[Host, str, int, int]) -> JsonDict:
    """One search on one surface."""
    host, method, seed, evaluations = case
    return {"host": host.name, "method": method, "seed": seed, **search(_problem(host), method, seed, evaluations)}


@lru_cache(maxsize=len(HOSTS))
def known_problem(host: Host) -> Problem | None:
    """The surface of a host, in as many directions as it lets the ion through; None where it is not finished."""
    if not host.file.is_file():
        return None
    space = host.space()
    values = surface_values(host, space)
    if values is None:
        return None
    found = bottleneck(values, space.pool().grids[space.pool().systems[0]])
    return Problem(space.pool(), values, max(sum(bool(np.isfinite(barrier)) for barrier in found.barriers), 1))


def _problem(host: Host) -> Problem:
    found = known_problem(host)
    if found is None:
        raise FileNotFoundError(
            f"{host.file} is not finished; `python -m benchmarks.paths.exhaustive {host.name}` continues it"
        )
    return found


def describe_host(host: Host) -> JsonDict:
    """A host and its true barriers."""
    problem = _problem(host)
    grid = problem.pool.grids[problem.pool.systems[0]]
    barriers = {connectivity: list(bottleneck(problem.values, grid, connectivity).barriers) for connectivity in (6, 26)}
    low = problem.values - problem.values.min() <= barriers[26][problem.dimensions - 1]
    return {
        **asdict(host),
        "title": host.title,
        "points": len(problem.pool),
        "grid_points": len(grid.members),
        "low_points": int(low.sum()),
        "low_points_of_start": [int(low[started(problem, seed)].sum()) for seed in range(_SEEDS)],
        "failed": int((~np.isfinite(problem.values)).sum()),
        "dimensions": problem.dimensions,
        "barriers": [value if np.isfinite(value) else None for value in barriers[26]],
        "barriers_6_neighbours": [value if np.isfinite(value) else None for value in barriers[6]],
    }


def settled(run: JsonDict) -> int | None:
    """Evaluations after which a run's estimate stays within the tolerance; None where it does not."""
    wrong = [number for number, error in enumerate(run["error"], start=1) if error is None or error > TOLERANCE]
    last = max(wrong, default=0)
    return last + 1 if last < len(run["error"]) else None


def summary(hosts: list[JsonDict], runs: list[JsonDict]) -> list[JsonDict]:
    """One row for each host and method."""
    rows = []
    for host, method in product(hosts, SCORES):
        mine = [run for run in runs if (run["host"], run["method"]) == (host["name"], method)]
        if not mine:
            continue
        limit = limit_of(host)
        counts = [settled(run) for run in mine]
        most = max(len(run["error"]) for run in mine)
        rows.append(
            {
                "host": host["name"],
                "method": method,
                "seeds": len(mine),
                "limit": limit,
                "within_10_mev": counts,
                "median": statistics.median([most + 1 if count is None else count for count in counts]),
                "reached": sum(count is not None and count <= limit for count in counts) / len(counts),
                "right_at_share": {
                    f"{share:g}": float(np.mean([_at(run["right"], share * host["points"]) for run in mine]))
                    for share in _SHARES
                },
                "median_error_at_share": {
                    f"{share:g}": _median([_at(run["error"], share * host["points"]) for run in mine]) for share in _SHARES
                },
            }
        )
    return rows


def _at(values: list[float | bool | None], evaluations: float) -> float | bool | None:
    return values[min(max(int(evaluations), 1), len(values)) - 1]


def _median(errors: list[float | bool | None]) -> float | None:
    found = statistics.median([np.inf if error is None else float(error) for error in errors])
    return found if np.isfinite(found) else None


def goal(hosts: list[JsonDict], rows: list[JsonDict]) -> JsonDict:
    """The stated goal on hosts with which no setting was chosen and whose grids are fine enough."""
    fresh = {host["name"] for host in hosts if not host["chosen_on"] and host["points"] >= FINE}
    ours = [row for row in rows if row["method"] == "dominance" and row["host"] in fresh]
    best = {
        name: min((row["median"] for row in rows if row["host"] == name and row["method"] != "dominance"), default=None)
        for name in fresh
    }
    ratios = [row["median"] / best[row["host"]] for row in ours if best[row["host"]]]
    return {
        "hosts": len(ours),
        "seeds_within_limit": float(np.mean([row["reached"] for row in ours])) if ours else None,
        "median_ratio_to_best_baseline": statistics.median(ratios) if ratios else None,
        "hosts_below_half": sum(ratio < 0.5 for ratio in ratios),
    }


def calibration(runs: list[JsonDict]) -> JsonDict:
    """Computes the share of certificates whose interval contains the true barrier: at the stop, and at all looks.

    Returns:
        ``looks``: certificates with an interval, ``without``: those without, ``inside``: share whose 95 % interval contains the
        true barrier. The same of those that leave more than 1 meV open (``open``), and of the certificates that end a search
        (``stops``: ``inside``, ``within_10_mev``, median ``evaluations``).
    """
    looks = [found for run in runs for found in run.get("certificates", ())]
    stops = [found for run in runs if (found := stopped(run)) is not None]
    unsure = [found for found in looks if found["tolerance"] is not None and found["tolerance"] > _SHARP]
    return {
        **_covered([found for found in looks if found["tolerance"] is not None]),
        "without": sum(found["tolerance"] is None for found in looks),
        "open": _covered(unsure),
        "stops": _covered(stops)
        | {
            "within_10_mev": float(np.mean([found["error"] <= TOLERANCE for found in stops])) if stops else None,
            "median_evaluations": statistics.median(found["number"] for found in stops) if stops else None,
            "searches": sum("certificates" in run for run in runs),
        },
    }


def _covered(found: list[JsonDict]) -> JsonDict:
    inside = [row["error"] <= row["tolerance"] + _ROUNDED for row in found]
    return {"looks": len(found), "inside": float(np.mean(inside)) if found else None}


def bands_of(host: Host) -> JsonDict:
    """Nudged elastic bands on a host's surface, and what one energy with forces takes there by CHGNet."""
    space, calculator = host.space(), open_calculator(ChgnetSpec(), Path())
    structure = space.structure(str(space.pool().ids[0]))
    calculator.evaluate(structure)
    begun_at = time.process_time()
    calculator.evaluate(structure)
    return {"host": host.name, "core_seconds_per_evaluation": time.process_time() - begun_at} | compare(space, _problem(host))


def bands_summary(bands: list[JsonDict], rows: list[JsonDict]) -> list[JsonDict]:
    """One row for each kind of ends and start: what bands find, and what they take beside the search by dominance."""
    searches = {row["host"]: row["median"] for row in rows if row["method"] == "dominance"}
    found = []
    for ends, start in product(ENDS, STARTS):
        mine = [(host, row) for host in bands for row in host["bands"] if (row["ends"], row["start"]) == (ends, start)]
        if not mine:
            continue
        ratios = [row["evaluations"] / searches[host["host"]] for host, row in mine if host["host"] in searches]
        found.append(
            {
                "ends": ends,
                "start": start,
                **{name: sum(row["finds"] == name for _, row in mine) for name in ("same", "another", "none")},
                "median_evaluations": statistics.median(row["evaluations"] for _, row in mine),
                "median_core_seconds": statistics.median(
                    row["evaluations"] * host["core_seconds_per_evaluation"] for host, row in mine
                ),
                "median_ratio_to_dominance": statistics.median(ratios) if ratios else None,
            }
        )
    return found


def conclude(out: Path, result: JsonDict) -> None:
    """Writes what the runs so far say, into the result too."""
    rows = summary(result["hosts"], result["runs"])
    said: JsonDict = {"summary": rows, "bands_summary": bands_summary(result["bands"], rows)}
    said |= {"goal": goal(result["hosts"], rows), "calibration": calibration(result["runs"])}
    result.update(said)
    write_json(out, result | {"provenance": describe_machine()})


def main() -> None:
    """Entry of the command."""
    parser = command(
        "paths", __doc__, quick="one host, one seed, 12 evaluations", figure="right answers by evaluations", jobs="runs"
    )
    parser.add_argument("--seeds", type=int, default=_SEEDS, help="how many")
    given = parser.parse_args()
    same = settings(quick=given.quick)
    result = begun(given.out, same, hosts=[], runs=[], bands=[])
    chosen = [host for host in (HOSTS[:1] if given.quick else HOSTS) if known_problem(host) is not None]
    result["hosts"] = [describe_host(host) for host in chosen]
    done = {(run["host"], run["method"], run["seed"]) for run in result["runs"]}
    # The product's own searches first, then one seed of all others after the other: an interrupted run says most.
    order = sorted(product(range(1 if given.quick else given.seeds), SCORES), key=lambda case: case[1] != "dominance")
    cases = [
        (host, method, seed, same["evaluations"])
        for (seed, method), host in product(order, chosen)
        if (host.name, method, seed) not in done
    ]
    for run in results(play, cases, given.jobs):
        result["runs"].append(run)
        conclude(given.out, result)
        print(f"{run['host']}, {run['method']}, seed {run['seed']}: within 10 meV after {settled(run)}", flush=True)
    compared = {item["host"] for item in result["bands"]}
    for host in () if given.quick else chosen:
        if host.name not in compared:
            result["bands"].append(bands_of(host))
            conclude(given.out, result)
            print(f"{host.name}: bands compared", flush=True)
    conclude(given.out, result)
    if given.figure is not None:
        from benchmarks.paths.figure import draw, draw_low

        shown = [host for host in result["hosts"] if host["points"] >= FINE] or result["hosts"]
        draw(shown, result["runs"], given.figure)
        judged = [host for host in shown if not host["chosen_on"]] or shown
        draw_low(judged, result["summary"], given.figure.with_stem(f"{given.figure.stem}-low"))


if __name__ == "__main__":
    main()
