"""``python -m benchmarks.molecules --data DIR --out result.json``: known molecules with few evaluations, by engine.

``DIR/levels`` holds ``freesolv.csv`` and ``polarizability.csv``, with the columns ``smiles`` and ``HF``. Each is searched for
its smallest and for its largest value of ``HF`` as a space of ``type: molecules`` that holds these molecules alone. A score is
the sum of a search's gaps to the best over all evaluations, in units of what random choice is expected to have: 1 is random.
One thread: ``OMP_NUM_THREADS=1``. An interrupted run continues.
"""

from __future__ import annotations

from functools import cache, partial
from itertools import product, starmap
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from benchmarks.command import begun, collect, command, results
from benchmarks.everyday.score import score, search_gaps
from benchmarks.pools import search
from tansaku.models.domain.identifiers import file_sha256
from tansaku.models.domain.pool import CandidatePool, FloatArray
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.budget import BudgetSpec
from tansaku.models.domain.specs.molecules import MoleculeRulesSpec, MoleculesSpaceSpec
from tansaku.models.domain.specs.proposer import GPProposerSpec
from tansaku.models.engine.proposer_registry import build_proposer
from tansaku.models.features.molecules import canonical, molecule_of
from tansaku.spaces.space_registry import open_space
from tansaku.tasks.node.jobs.machine import describe_machine
from tansaku.tasks.node.jobs.spool_files import write_json

SEEDS = 40
EVALUATIONS = 20
TABLES = ("freesolv", "polarizability")
DIRECTIONS = ("minimize", "maximize")
METHODS = {f"engine-{number}": GPProposerSpec(engine=number, outliers="withheld") for number in (1, 4, 5)}
"""With the treatment of outliers that new campaigns get."""

_ALL_RULES = MoleculeRulesSpec(max_heavy_atoms=60, max_synthesizability=None, unstable=True)


class Case(NamedTuple):
    """One search."""

    table: str
    direction: str
    method: str
    seed: int


@cache
def known(folder: Path, table: str) -> tuple[CandidatePool, FloatArray]:
    """The molecules of a table and their values; stereoisomers are one molecule with their mean."""
    spec = MoleculesSpaceSpec(file=f"{table}.csv", generate=None, refine=None, rules=_ALL_RULES, scale="auto")
    pool = open_space(spec, folder).pool()
    frame = pd.read_csv(folder / f"{table}.csv")
    ids = [canonical(molecule_of(smiles)) for smiles in frame["smiles"]]
    return pool, frame["HF"].groupby(np.array(ids)).mean().loc[pool.ids.tolist()].to_numpy()


def searched(folder: Path, case: Case) -> JsonDict:
    """Score of a search, and its gap after each evaluation."""
    pool, values = known(folder, case.table)
    oriented = values if case.direction == "minimize" else -values
    done = search(pool, oriented, build_proposer(METHODS[case.method]), case.seed, BudgetSpec(evaluations=EVALUATIONS))
    positions = np.asarray(done.positions)
    gaps = np.round(search_gaps(oriented, positions), 4).tolist()
    return {**case._asdict(), "score": score(oriented, positions), "gaps": gaps}


def case_of(run: JsonDict) -> Case:
    """The case of a search that ended."""
    return Case(*(run[name] for name in Case._fields))


def summary(runs: list[JsonDict]) -> list[JsonDict]:
    """Mean scores with standard errors, and of the differences to engine 4, by problem and method, at last of all problems."""
    scores = {case_of(run): run["score"] for run in runs}
    problems, seeds = list(dict.fromkeys(case[:2] for case in scores)), sorted({case.seed for case in scores})
    found = []
    for name, among in [*((" ".join(problem), [problem]) for problem in problems), ("all", problems)]:
        own = {
            method: np.array([np.mean([scores[Case(*problem, method, seed)] for problem in among]) for seed in seeds])
            for method in METHODS
        }
        for method, mine in own.items():
            row: JsonDict = {"problem": name, "method": method, "seeds": len(seeds)}
            for measure, numbers in (("score", mine), ("less_engine_4", mine - own["engine-4"])):
                row[measure] = {"mean": float(numbers.mean()), "error": float(numbers.std(ddof=1) / np.sqrt(len(seeds)))}
            found.append(row)
    return found


def main() -> None:
    """Runs what is not done yet, and writes the result every half minute and at the end."""
    parser = command("molecules", __doc__, quick="one table, two seeds", jobs="searches")
    parser.add_argument("--data", type=Path, required=True, help="folder with the folder levels")
    given = parser.parse_args()
    tables, seeds = (TABLES[:1], 2) if given.quick else (TABLES, SEEDS)
    folder = given.data / "levels"
    content = {name: file_sha256(folder / f"{name}.csv") for name in tables}
    result = begun(given.out, {"schema_version": 1, "evaluations": EVALUATIONS, "data": content}, runs=[])
    ended = {case_of(run) for run in result["runs"]}
    left = [case for case in starmap(Case, product(tables, DIRECTIONS, METHODS, range(seeds))) if case not in ended]
    if left:
        result["provenance"] = describe_machine()
    collect(result["runs"], results(partial(searched, folder), left, given.jobs), lambda: write_json(given.out, result))
    rows = summary(result["runs"])
    write_json(given.out, result | {"summary": rows})
    for row in rows:
        own, less = row["score"], row["less_engine_4"]
        print(f"{row['problem']:<24} {row['method']} score {own['mean']:.3f} ± {own['error']:.3f}, {less['mean']:+.3f}")


if __name__ == "__main__":
    main()
