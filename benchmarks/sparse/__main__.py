"""``python -m benchmarks.sparse --out result.json``: time, agreement and other programs on synthetic tables of known truth.

exhaustive: criterion and jobs → seconds and processor seconds for 25 columns, up to 8 of them, 200 rows (1.8 million supports).
agreement: the sampled search against the exhaustive one for 20 columns, up to 5: largest relative error of the density of
states in bins of at least 100 supports, and the log evidence by histogram, by thermodynamic integration and exactly.
large: the sampled search for 300 columns, up to 10, 200 rows.
peers: method → number of tables, share of them in which exactly the true columns were chosen, share of pairs of tables (each
with another fifth of the rows left out) with the same choice, median and largest processor seconds, and the columns chosen.
abess, exhbma, l0bnb and SISSO run with ``--peers PYTHON``; a table that takes them over 300 s, or at which they
fail, is given up (null) and counts as wrong, and no further pair is begun after ``--peer-minutes``, 25 for each.

An interrupted measurement continues with the parts, methods and pairs of tables that FILE lacks; delete the file to measure
again.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np
from scipy.special import logsumexp

from benchmarks.command import begun, command, figure_file
from tansaku.models.averaging.design import Design
from tansaku.models.averaging.subsets import FloatArray
from tansaku.models.domain.records import JsonDict
from tansaku.sparse.models.search.chain import Sampling
from tansaku.sparse.models.search.exhaustive import Running, search_all
from tansaku.sparse.models.search.landscape import landscape, members
from tansaku.sparse.models.search.methods import METHODS, choice
from tansaku.sparse.models.search.sampled import search_sampled
from tansaku.sparse.models.search.scores import ScoreName, linear_score
from tansaku.tasks.node.jobs.machine import describe_machine
from tansaku.tasks.node.jobs.spool_files import write_json
from tansaku.tasks.read.figures.style import ACCENT, MAIN

OTHERS = ("abess", "sisso", "l0bnb", "exhbma")
LIMIT = 300.0  # seconds that another program may take for one table
COLUMNS, LARGEST, ROWS, TRUE = 12, 6, 40, (1, 4, 7)
CRITERIA: tuple[ScoreName, ...] = ("free_energy", "cv", "bic")
Choose = Callable[[FloatArray, FloatArray], list[int]]


def made(rows: int, columns: int, weights: dict[int, float], noise: float, seed: int) -> tuple[FloatArray, FloatArray]:
    """A table with correlated columns and a target that some of them explain."""
    rng = np.random.default_rng([23, seed])
    shared = rng.normal(size=(rows, 3)) @ rng.normal(size=(3, columns))
    x = rng.normal(size=(rows, columns)) + 0.5 * shared
    return x, sum((weight * x[:, column] for column, weight in weights.items()), noise * rng.normal(size=rows))


def exhaustive(quick: bool) -> JsonDict:
    """Seconds of the whole search."""
    x, y = made(200, 25, {0: 1.0, 5: 0.8, 9: 0.6, 14: 0.4}, 1.0, 0)
    result: JsonDict = {"rows": 200, "columns": 25, "largest": 4 if quick else 8, "seconds": {}, "processor_seconds": {}}
    for name in CRITERIA:
        for jobs in (1, 2):
            start, used, key = time.perf_counter(), time.process_time(), f"{name}, jobs {jobs}"
            found = search_all(linear_score(name, Design.of(x, y)), result["largest"], Running(jobs))
            result["seconds"][key] = time.perf_counter() - start
            result["processor_seconds"][key] = time.process_time() - used
            result["supports"] = len(found)
    return result


def agreement(quick: bool, jobs: int) -> JsonDict:
    """The sampled search against the exhaustive one."""
    x, y = made(60, 20, {0: 1.0, 1: 0.8, 2: 0.5, 3: 0.3}, 1.0, 0)
    score = linear_score("free_energy", Design.of(x, y))
    exact = landscape(search_all(score, 3 if quick else 5), bins=40)
    settings = Sampling(chains=2, steps=300, pilot=100, prior_draws=64) if quick else Sampling(steps=5000, prior_draws=64)
    start = time.perf_counter()
    found = search_sampled(score, 3 if quick else 5, settings, Running(jobs))
    seconds = time.perf_counter() - start
    edges = exact.edges + np.linspace(-1e-6, 1e-6, len(exact.edges))
    counts = np.exp(logsumexp(exact.log_density, axis=0))
    sampled = np.exp(logsumexp(found.log_density(edges), axis=0))
    many = counts >= 100
    return {
        "bins": int(many.sum()),
        "largest_relative_error": float(np.abs(sampled[many] / counts[many] - 1.0).max()),
        "log_evidence_exact": exact.log_evidence,
        "largest_feature_error": float(np.abs(found.landscape.feature_posterior - exact.feature_posterior).max()),
        "same_best": members(found.landscape.supports[0]) == members(exact.supports[0]),
        "seconds": seconds,
        "convergence": asdict(found.convergence),
    }


def large(quick: bool, jobs: int) -> JsonDict:
    """The sampled search where the exhaustive one is impossible."""
    columns = 60 if quick else 300
    truth = {3: 1.0, 17: 0.8, 29: 0.7, 41: 0.6}
    x, y = made(200, columns, truth, 1.0, 1)
    settings = Sampling(chains=2, steps=300, pilot=100) if quick else Sampling(steps=5000, repeats=8)
    start = time.perf_counter()
    found = search_sampled(linear_score("free_energy", Design.of(x, y)), 10, settings, Running(jobs))
    return {
        "columns": columns,
        "largest": 10,
        "seconds": time.perf_counter() - start,
        "truth": sorted(truth),
        "best": list(members(found.landscape.supports[0])),
        "probability_of_best": float(found.landscape.weights[0]),
        "truth_posterior": [float(found.landscape.feature_posterior[column]) for column in sorted(truth)],
        "convergence": asdict(found.convergence),
    }


def tables(count: int) -> list[tuple[FloatArray, FloatArray]]:
    """Tables in pairs: of the same data with other fifths of the rows left out."""
    result = []
    for seed in range(count):
        x, y = made(ROWS * 5 // 4, COLUMNS, dict.fromkeys(TRUE, 0.7), 1.0, 100 + seed)
        for part in range(2):
            keep = np.setdiff1d(np.arange(len(y)), np.arange(part, len(y), 5))
            result.append((x[keep], y[keep]))
    return result


def _ours(name: ScoreName, largest: int = LARGEST) -> Choose:
    def choose(x: FloatArray, y: FloatArray) -> list[int]:
        found = search_all(linear_score(name, Design.of(x, y)), largest)
        return list(members(landscape(found, bins=1).supports[0]))

    return choose


def _usual(name: str) -> Choose:
    def choose(x: FloatArray, y: FloatArray) -> list[int]:
        return list(choice(METHODS[name], linear_score("bic", Design.of(x, y)), LARGEST).units)

    return choose


def judged(supports: list[list[int] | None], seconds: list[float]) -> JsonDict:
    """Summarises a method's choices; a table that was given up is neither right nor stable."""
    pairs = list(zip(supports[::2], supports[1::2], strict=True))
    return {
        "tables": len(supports),
        "given_up": supports.count(None),
        "right": statistics.mean(support is not None and tuple(sorted(support)) == TRUE for support in supports),
        "stable": statistics.mean(first is not None and first == second for first, second in pairs),
        "seconds": statistics.median(seconds),
        "largest_seconds": max(seconds),
        "supports": supports,
    }


def compare(count: int, python: Path | None, minutes: float, result: JsonDict, store: Callable[[], None]) -> None:
    """All methods on the same tables, or the first of them; ``result`` is filled and stored method by method."""
    chosen = tables(count)
    ways = {f"exhaustive, {name}": _ours(name) for name in CRITERIA}
    ways["exhaustive, free_energy, up to 3"] = _ours("free_energy", 3)  # as many as SISSO may have
    ways |= {f"{name}, size by BIC": _usual(name) for name in METHODS}
    for name, choose in ways.items():
        if name in result:
            continue
        supports: list[list[int] | None] = []
        seconds: list[float] = []
        choose(*chosen[0])
        for x, y in chosen:
            start = time.process_time()
            supports.append(sorted(choose(x, y)))
            seconds.append(time.process_time() - start)
        result[name] = judged(supports, seconds)
        store()
    for name in OTHERS if python is not None else ():
        if result.get(name, {}).get("tables") != len(chosen):
            for found in _other(name, chosen, Path(str(python)), minutes, result.get(name, {})):
                ours = result["exhaustive, free_energy"]["supports"][: found["tables"]]
                same = judged(ours, [0.0] * len(ours))
                result[name] = found | {"free_energy_of_these": {key: same[key] for key in ("right", "stable")}}
                store()


def _other(
    name: str, chosen: list[tuple[FloatArray, FloatArray]], python: Path, minutes: float, earlier: JsonDict
) -> Iterator[JsonDict]:
    """Yields the judgement of another program's choices, after each pair of tables that ``earlier`` does not have."""
    seconds = list(earlier.get("seconds_each", ()))
    supports = list(earlier["supports"]) if seconds else []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "tables.npz")
        arrays = {f"x{k}": x for k, (x, _) in enumerate(chosen)} | {f"y{k}": y for k, (_, y) in enumerate(chosen)}
        np.savez(path, allow_pickle=False, count=np.array(len(chosen)), **arrays)
        script = Path(__file__).with_name("peers.py")
        options = [str(LARGEST), str(LIMIT), str(60.0 * minutes), str(len(supports))]
        with subprocess.Popen([python, script, path, name, *options], stdout=subprocess.PIPE, text=True) as running:
            for line in running.stdout or ():
                pair = json.loads(line)
                supports += pair["supports"]
                seconds += pair["seconds"]
                yield judged(supports, seconds) | {"seconds_each": seconds}
        if running.returncode:
            raise subprocess.CalledProcessError(running.returncode, running.args)


_SHARES = {"right": ("exactly the true columns", MAIN), "stable": ("the same in both of a pair", ACCENT)}


def draw(result: JsonDict, path: Path) -> None:
    """Draws both shares of each method, the best first.

    Args:
        result: What ``result.json`` holds.
        path: Of the figure.
    """
    peers = sorted(result["peers"].items(), key=lambda item: item[1]["right"] + item[1]["stable"])
    with figure_file(path, 6.0, 0.32 * len(peers) + 0.9) as figure:
        ax = figure.subplots()
        for shift, (key, (label, colour)) in zip((0.2, -0.2), _SHARES.items(), strict=True):
            ax.barh(np.arange(len(peers)) + shift, [found[key] for _, found in peers], 0.38, color=colour, label=label)
        counted = [f"{name} ({found['tables']})" if "tables" in found else name for name, found in peers]
        ax.set_yticks(range(len(peers)), counted)
        ax.set_xlim(0.0, 1.0)
        ax.set_xlabel("share (number of tables in brackets)")
        figure.legend(loc="outside upper center", ncols=2)


def main() -> None:
    """Measures and writes the result."""
    parser = command("sparse", __doc__, quick="small tables", figure="shares by method", jobs="chains of a sampled search")
    parser.add_argument(
        "--peers", type=Path, metavar="PYTHON", help="Python of an environment with abess, l0bnb, exhbma and TorchSisso"
    )
    parser.add_argument("--peer-minutes", type=float, default=25.0, help="for each of them")
    parser.add_argument("--only", nargs="+", default=("exhaustive", "agreement", "large", "peers"), help="parts to measure")
    given = parser.parse_args()
    result = begun(given.out, {"schema_version": 1, "blas_threads": os.environ.get("OMP_NUM_THREADS", "all")})

    def store() -> None:
        write_json(given.out, result | {"provenance": describe_machine()})

    parts: dict[str, Callable[[], JsonDict]] = {
        "exhaustive": lambda: exhaustive(given.quick),
        "agreement": lambda: agreement(given.quick, given.jobs),
        "large": lambda: large(given.quick, given.jobs),
    }
    for name, measure in parts.items():
        if name in given.only and name not in result:
            result[name] = measure()
            store()
    if "peers" in given.only:
        compare(3 if given.quick else 25, given.peers, given.peer_minutes, result.setdefault("peers", {}), store)
    print(json.dumps(result, indent=2))
    if given.figure is not None:
        draw(result, given.figure)


if __name__ == "__main__":
    main()
