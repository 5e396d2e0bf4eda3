"""``python -m benchmarks.everyday.native --data DIR --out FILE``: peers as their users drive them, beside ``tansaku bench``.

For each table of the development half that is named and each peer the mean scores of both are compared: they agree when they
differ by no more than two standard errors of the difference. The initial designs differ, each peer has its own. An interrupted
run continues.
"""

from __future__ import annotations

import tempfile
from importlib import import_module
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.command import begun, command, results
from benchmarks.everyday.__main__ import QUICK, Case, key
from benchmarks.everyday.__main__ import run as run_bench
from benchmarks.everyday.native.table import Table
from benchmarks.everyday.score import score
from benchmarks.everyday.tables import content, evaluations, tables, write_campaign
from tansaku.models.domain.records import JsonDict
from tansaku.tasks.node.configuration.campaign_files import load_campaign
from tansaku.tasks.node.jobs.machine import describe_machine
from tansaku.tasks.node.jobs.spool_files import write_json

SCRIPTS = {
    "botorch-single": "botorch_native:search",
    "baybe": "baybe_native:search",
    "optuna-tpe": "optuna_native:search",
    "optuna-gp": "optuna_native:search_gp",
    "ax": "ax_native:search",
    "physbo": "physbo_native:search",
}
"""Script and function of each method of ``tansaku bench``."""

_NATIVE = "native "


def opened(data: Path, name: str) -> Table:
    """A table of experiments as its user has it."""
    with tempfile.TemporaryDirectory() as folder:
        path = write_campaign(data, name, Path(folder), 0)
        spec = load_campaign(path).spec
        rows = pd.read_csv(Path(folder) / f"{name}.csv").drop(columns="id")
    values = rows.pop(spec.space.model_dump()["columns"]["value"]).to_numpy(dtype=float)
    return Table(rows, values if spec.objective.direction == "minimize" else -values)


def run(case: Case) -> JsonDict:
    """Runs a search, of ``tansaku bench`` or of a script."""
    if not case.method.startswith(_NATIVE):
        return run_bench(case)
    module, function = SCRIPTS[case.method.removeprefix(_NATIVE)].split(":")
    table = opened(case.data, case.table)
    search = getattr(import_module(f"benchmarks.everyday.native.{module}"), function)
    places = search(table, evaluations(len(table.rows)), case.seed)
    return {
        "table": case.table,
        "method": case.method,
        "seed": case.seed,
        "score": score(table.values, np.array(places)),
        "positions": places,
    }


def agreement(rows: list[JsonDict]) -> list[JsonDict]:
    """Mean scores of both, and whether they differ by no more than two standard errors, where both have two seeds."""
    found = []
    for table, method in dict.fromkeys((row["table"], row["method"].removeprefix(_NATIVE)) for row in rows):
        both = [
            np.array([row["score"] for row in rows if (row["table"], row["method"]) == (table, name)])
            for name in (method, f"{_NATIVE}{method}")
        ]
        if min(map(len, both)) > 1:
            bench, native = (float(part.mean()) for part in both)
            error = float(np.sqrt(sum(part.var(ddof=1) / len(part) for part in both)))
            item = {"table": table, "method": method, "bench": bench, "native": native, "error": error}
            found.append(item | {"seeds": min(map(len, both)), "agrees": abs(native - bench) <= 2 * error})
    return found


def main() -> None:
    """Runs what is not done yet, and writes the result after each search."""
    parser = command("everyday.native", __doc__, quick="one seed", jobs="searches")
    parser.add_argument("--data", type=Path, required=True, help="folder with the folder olympus")
    known = [name for name in tables("development") if name != "alloy"]
    parser.add_argument("--tables", nargs="+", choices=known, default=QUICK, help="which tables")
    parser.add_argument("--methods", nargs="+", choices=SCRIPTS, default=tuple(SCRIPTS), help="which peers")
    parser.add_argument("--seeds", type=int, default=10, help="how many")
    given = parser.parse_args()
    same = {"schema_version": 1, "data": {name: content(given.data, name) for name in given.tables}}
    result = begun(given.out, same, runs=[])
    done = {key(row) for row in result["runs"]}
    names = [name for method in given.methods for name in (method, f"{_NATIVE}{method}")]
    seeds = range(1 if given.quick else given.seeds)
    cases = [Case(given.data, table, name, seed) for seed in seeds for table in given.tables for name in names]
    todo = [case for case in cases if (case.table, case.method, case.seed) not in done]
    for row in results(run, todo, given.jobs):
        result["runs"].append(row)
        write_json(given.out, result | {"agreement": agreement(result["runs"]), "provenance": describe_machine()})
    for item in agreement(result["runs"]):
        print(
            item["table"],
            item["method"],
            *(f"{name} {item[name]:.2f}" for name in ("bench", "native", "error")),
            item["agrees"],
        )


if __name__ == "__main__":
    main()
