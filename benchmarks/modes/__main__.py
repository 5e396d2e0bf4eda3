"""``python -m benchmarks.modes --out result.json``: sets of dynamic modes at equal number of modes, and known oscillations.

losses: by set of snapshots, one row per number of modes (a pair counts as two): the residual share of the square of the
decomposed matrix with one least-squares amplitude per mode. ``search``: the product's. ``alone``: adding, dropping and swapping
without the relaxation's sets to begin with. ``all``: all sets, where there are few enough. ``relaxation``: ADMM as published,
then least squares. ``pydmd``: PyDMD's SpDMD, with the amplitudes that it gives; ``pydmd_published``: the same with the soft
threshold of the publication, ``(1 - k / |v|) v``, where PyDMD has ``(1 - k) v / |v|``.
worse: numbers of modes at which the residual of the search is larger than that of a peer, beyond a relative 1e-9.

oscillations: synthetic signals of 1 to 4 damped oscillations: how often their number is right, and the median error of the
frequencies, where it is, in bins of the Fourier transform.

An interrupted measurement continues with the sets that FILE has; delete the file to measure again.
"""

from __future__ import annotations

import json
import statistics
import time
from unittest.mock import patch

import numpy as np

from benchmarks.command import command
from benchmarks.modes.figure import draw
from benchmarks.modes.sets import Case, cases, trace
from tansaku.models.averaging.subsets import number_of_supports
from tansaku.models.domain.records import JsonDict
from tansaku.sparse.models.modes.dynamics import ComplexArray, Modes, decomposed
from tansaku.sparse.models.modes.path import ALL, Path
from tansaku.sparse.models.modes.problem import Problem, amplitude_problem
from tansaku.sparse.models.modes.relaxation import relaxed
from tansaku.sparse.tasks.modes import ModeSettings, find_modes
from tansaku.tasks.node.jobs.machine import describe_machine
from tansaku.tasks.node.jobs.spool_files import read_json

_ROUNDING = 1e-9


def silent(*_: object) -> None:
    """Reports no progress."""


def shares(path: Path) -> dict[int, float]:
    """Residual shares by number of modes."""
    return {path.number(held.support): held.loss / path.problem.total for held in path.best}


def soft_threshold(values: ComplexArray, threshold: float) -> ComplexArray:
    """Soft threshold of the publication."""
    size = np.maximum(np.abs(values), 1e-300)
    return np.asarray(np.maximum(1.0 - threshold / size, 0.0) * values)


def pydmd_shares(modes: Modes, case: Case) -> dict[int, float]:
    """Smallest residual share of PyDMD's sparsity-promoting DMD, by number of modes."""
    from pydmd import SpDMD

    count, iterations = case.pydmd
    total, found = float(np.sum(modes.matrix**2)), {0: 1.0}
    first = SpDMD(svd_rank=case.rank, exact=True, verbose=False, gamma=0.0, max_iterations=0, release_memory=False)
    top = 2.0 * float(np.abs(first.fit(modes.matrix)._q).max())
    for strength in top * np.geomspace(1.0, 1e-4, count):
        fitted = SpDMD(svd_rank=case.rank, exact=True, verbose=False, gamma=strength, max_iterations=iterations)
        amplitudes = fitted.fit(modes.matrix).amplitudes
        number = int(np.count_nonzero(amplitudes))
        powers = np.vander(fitted.eigs, modes.matrix.shape[1], increasing=True)
        left = modes.matrix - (fitted.modes * amplitudes) @ powers
        share = float(np.sum(np.abs(left) ** 2)) / total
        found[number] = min(found.get(number, np.inf), share)
    return found


def searched(problem: Problem, modes: Modes, most: int) -> tuple[dict[str, dict[int, float]], dict[str, float]]:
    """Residual shares and seconds by method."""
    found: dict[str, dict[int, float]] = {}
    seconds: dict[str, float] = {}
    begun = time.perf_counter()
    convex = Path(problem, modes.counts, most)
    sets = relaxed(problem, modes.oscillating)
    for support in sets:
        convex.offer(support)
    found["relaxation"], seconds["relaxation"] = shares(convex), time.perf_counter() - begun
    begun = time.perf_counter()
    alone = Path(problem, modes.counts, most)
    alone.improve(silent)
    found["alone"], seconds["alone"] = shares(alone), time.perf_counter() - begun
    begun = time.perf_counter()
    both = Path(problem, modes.counts, most)
    for support in sets:
        both.offer(support)
    both.improve(silent)
    found["search"], seconds["search"] = shares(both), time.perf_counter() - begun
    if number_of_supports(problem.n_units, problem.n_units) <= ALL:
        begun = time.perf_counter()
        every = Path(problem, modes.counts, most)
        every.search_all(problem.n_units, silent)
        found["all"], seconds["all"] = shares(every), time.perf_counter() - begun
    return found, seconds


def measured(case: Case) -> JsonDict:
    """All methods on one set of snapshots."""
    modes = decomposed(case.snapshots, case.delays, case.rank)
    found, seconds = searched(amplitude_problem(modes), modes, case.most)
    begun = time.perf_counter()
    found["pydmd"] = pydmd_shares(modes, case)
    seconds["pydmd"] = time.perf_counter() - begun
    with patch("pydmd.spdmd.soft_thresholding_operator", soft_threshold):
        found["pydmd_published"] = pydmd_shares(modes, case)
    ours = found["search"]
    rows = [{"modes": number} | {name: held.get(number) for name, held in found.items()} for number in sorted(ours)]
    peers = ("relaxation", "pydmd", "pydmd_published", "alone", "all")
    compared = {
        name: [(ours[number], share) for number, share in found[name].items() if number in ours]
        for name in peers
        if name in found
    }
    return {
        "channels": case.snapshots.n_channels,
        "times": case.snapshots.n_times,
        "rank": int(modes.counts.sum()),
        "units": len(modes.counts),
        "compared": {name: len(pairs) for name, pairs in compared.items()},
        "worse": {name: sum(a > b * (1.0 + _ROUNDING) for a, b in pairs) for name, pairs in compared.items()},
        "better_by_1_percent": {name: sum(a < 0.99 * b for a, b in pairs) for name, pairs in compared.items()},
        "seconds": seconds,
        "rows": rows,
    }


def oscillations(seeds: range) -> JsonDict:
    """Measures in what share of the traces the number of oscillations is right."""
    right: list[bool] = []
    errors: list[float] = []
    seconds: list[float] = []
    for seed in seeds:
        snapshots, frequency = trace(seed)
        begun = time.perf_counter()
        best = find_modes(snapshots, ModeSettings(most=5), 1, None, silent).best
        seconds.append(time.perf_counter() - begun)
        right.append(len(best.frequency) == len(frequency) and bool((best.frequency > 0.0).all()))
        if right[-1]:
            bin_width = 1.0 / (snapshots.step * snapshots.n_times)
            errors += (np.abs(np.sort(best.frequency) - frequency) / bin_width).tolist()
    return {
        "signals": len(seeds),
        "right": statistics.mean(right),
        "median_frequency_error": statistics.median(errors) if errors else None,
        "seconds": statistics.median(seconds),
    }


def main() -> None:
    """Measures and writes the result."""
    given = command("modes", __doc__, quick="one set of snapshots and four signals", figure="losses").parse_args()
    result: JsonDict = {"schema_version": 1, "losses": {}}
    stored = None if given.quick else read_json(given.out)
    if stored is not None:
        result["losses"] = stored["losses"]
    for name, case in cases(quick=given.quick).items():
        if name in result["losses"]:
            continue
        result["losses"][name] = measured(case)
        given.out.write_text(json.dumps(result, indent=2) + "\n")
        brief = {key: result["losses"][name][key] for key in ("compared", "worse", "better_by_1_percent", "seconds")}
        print(name, json.dumps(brief), flush=True)
    result["oscillations"] = oscillations(range(4 if given.quick else 20))
    print(json.dumps(result["oscillations"]))
    given.out.write_text(json.dumps(result | {"provenance": describe_machine()}, indent=2) + "\n")
    if given.figure is not None:
        draw(result, given.figure)


if __name__ == "__main__":
    main()
