"""``python -m benchmarks.boundary_search --out result.json``: evaluations and core-seconds until a known boundary is found.

Three parts. *Replays*: searches on pools whose candidates were all relaxed before, 24 seeds each. *Campaigns*: the same of all
boundaries of a pool at once, 48 seeds each. *Searches*: every candidate is computed with LAMMPS, also with molecular dynamics
as GRIP has it. A run ends when its lowest energy is within 1 mJ/m^2 of the known one, or with its budget.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from benchmarks.boundary_search.campaigns import TOGETHER, campaign_rows, print_campaigns
from benchmarks.boundary_search.cases import CASES, METHODS, TOLERANCE, Case, Method
from benchmarks.boundary_search.replays import REPLAYED, boundaries, replay
from benchmarks.command import begun, command
from tansaku.models.domain.errors import CalculationError
from tansaku.models.domain.identifiers import proposal_rng
from tansaku.models.domain.pool import CandidatePool
from tansaku.models.domain.ports import History
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.cost import WORK
from tansaku.models.engine.proposer_registry import build_proposer
from tansaku.tasks.node.jobs.document import JobDocument
from tansaku.tasks.node.jobs.evaluate import evaluate
from tansaku.tasks.node.jobs.machine import describe_machine
from tansaku.tasks.node.jobs.opened import opened_space
from tansaku.tasks.node.jobs.spool_files import write_json

PARTS = ("replays", "campaigns", "searches")


@dataclass
class Search:
    """One run.

    Attributes:
        potentials: Folder with potentials that LAMMPS does not bring.
        seconds: Of the processor, so far.
    """

    case: Case
    method: Method
    potentials: Path = Path()
    seconds: float = 0.0
    observed: list[int] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    failed: list[int] = field(default_factory=list)

    @property
    def found(self) -> bool:
        """Whether the known energy was met."""
        return bool(self.values) and min(self.values) <= self.case.known + TOLERANCE

    @property
    def evaluations(self) -> int:
        """Candidates computed, failed ones included."""
        return len(self.observed) + len(self.failed)

    def document(self, candidate: str) -> JobDocument:
        """The job of a candidate."""
        return JobDocument.model_validate(
            {
                "campaign": "benchmark",
                "candidate": candidate,
                "space": self.case.space(self.method),
                "calculator": {
                    "type": "lammps",
                    "potential": self.case.metal.potential,
                    "relaxation": {"translation": "free", "fmax": self.case.fmax},
                },
                "objective": {"unit": "mJ/m2"},
                "base_path": str(self.potentials),
            }
        )

    def compute(self, pool: CandidatePool, position: int, folder: Path) -> None:
        """Computes a candidate and keeps what came of it."""
        try:
            value = evaluate(self.document(str(pool.ids[position])), folder).value
        except CalculationError:
            value = None
        if value is None:
            self.failed.append(position)
        else:
            self.observed.append(position)
            self.values.append(value)


def annealed_among(pool: CandidatePool, positions: Sequence[int]) -> int:
    """Returns how many of some candidates have molecular dynamics before their relaxation."""
    described = pool.cost_descriptors
    if described is None or WORK not in described.columns:
        return 0
    return int((described.values[described.index[positions], described.columns.index(WORK)] > 1).sum())


@dataclass(frozen=True)
class Limits:
    """Limits of the searches, and their files.

    Attributes:
        seeds: Runs of each search.
        evaluations: Most evaluations of one.
        seconds: Most core-seconds of one, unless its case says otherwise.
        potentials: Folder with potentials that LAMMPS does not bring.
    """

    seeds: int
    evaluations: int
    seconds: float
    potentials: Path


def run(case: Case, method: str, seed: int, limits: Limits) -> JsonDict:
    """Searches until the known energy, a number of evaluations, or processor time is reached."""
    search, proposer = Search(case, METHODS[method], limits.potentials), build_proposer(METHODS[method].proposer)
    most, most_seconds = limits.evaluations, limits.seconds if case.seconds is None else case.seconds
    document = search.document("")
    pool = opened_space(document.space, document.base_path).pool()
    hyperparameters: JsonDict | None = None
    fitted: list[int] = []
    with tempfile.TemporaryDirectory() as folder:
        begin = time.process_time()
        while not search.found and search.evaluations < most and search.seconds < most_seconds:
            history = History(
                observed=np.array(search.observed, dtype=np.intp),
                values=np.array(search.values),
                failed=np.array(search.failed, dtype=np.intp),
            )
            if search.evaluations >= proposer.initial_count(pool) and proposer.refit_due(len(search.values), fitted):
                hyperparameters = proposer.fit(pool, history, hyperparameters)
                fitted.append(len(search.values))
            number = search.evaluations + 1
            choice = proposer.propose(pool, history, number, proposal_rng(seed, number), hyperparameters)
            if choice is None:
                break
            search.compute(pool, choice.position, Path(folder))
            search.seconds = time.process_time() - begin
    return {
        "case": case.name,
        "method": method,
        "seed": seed,
        "found": search.found,
        "evaluations": search.evaluations,
        "annealed": annealed_among(pool, [*search.observed, *search.failed]),
        "core_seconds": round(search.seconds, 2),
        "lowest": round(min(search.values), 2) if search.values else None,
    }


def print_summary(rows: list[JsonDict], of: str) -> None:
    """A line for each boundary and method."""
    print(f"{of:18} method   found    evaluations: median, mean, nine of ten   core-seconds, mean")
    for boundary, method in dict.fromkeys((row["case"], row["method"]) for row in rows):
        own = [row for row in rows if (row["case"], row["method"]) == (boundary, method)]
        hits = sum(row["found"] for row in own)
        numbers = [row["evaluations"] for row in own]
        counts = (np.median(numbers), np.mean(numbers), np.quantile(numbers, 0.9))
        seconds = np.mean([row["core_seconds"] for row in own])
        shown = " ".join(f"{count:8.0f}" for count in counts)
        print(f"{boundary:18} {method:8} {hits:2}/{len(own):<2} {shown} {seconds:20.1f}")


def replays(result: JsonDict, out: Path, methods: Sequence[str], seeds: int, *, quick: bool) -> None:
    """Adds the replays that are missing."""
    rows = result["replays"]
    done = {(row["case"], row["method"], row["seed"]) for row in rows}
    for boundary in boundaries()[: 1 if quick else None]:
        for method in (name for name in methods if name in REPLAYED):
            spec, most_seeds, most = REPLAYED[method]
            for seed in range(min(seeds, most_seeds)):
                if (boundary.name, method, seed) not in done:
                    rows.append({"method": method, **replay(boundary, spec, seed, most)})
            write_json(out, result)


def searches(result: JsonDict, out: Path, methods: Sequence[str], cases: Sequence[Case], limits: Limits) -> None:
    """Adds the searches that are missing, and where they ran."""
    rows = result["rows"]
    done = {(row["case"], row["method"], row["seed"]) for row in rows}
    missing = [
        (case, method, seed)
        for seed in range(limits.seeds)
        for case in cases
        for method in methods
        if (case.name, method, seed) not in done
    ]
    if missing and rows:
        names = [list(dict.fromkeys(part)) for part in ([case.name for case, *_ in missing], [name for _, name, _ in missing])]
        where = {"cases": names[0], "methods": names[1], "provenance": describe_machine()}
        result.setdefault("continued", []).append(where)
    for case, method, seed in missing:
        rows.append(run(case, method, seed, limits))
        write_json(out, result)


def campaigns(result: JsonDict, out: Path, seeds: int, *, quick: bool) -> None:
    """Adds the campaigns that are missing."""
    rows = result.setdefault("campaigns", [])
    # They may have been added to a result of another machine.
    result.setdefault("campaigns_provenance", describe_machine())
    for _ in campaign_rows(rows, ("arms", "random") if quick else tuple(TOGETHER), seeds, quick=quick):
        write_json(out, result)


def usable(names: Sequence[str] | None, potentials: Path) -> list[Case]:
    """The cases whose potentials are there; those that are not asked for by name are left out with a line.

    Raises:
        SystemExit: A case that is asked for has no potential.
    """
    chosen = []
    for case in CASES if names is None else [case for case in CASES if case.name in names]:
        missing = case.metal.missing(potentials)
        if missing is None:
            chosen.append(case)
        elif names is None:
            print(f"{case.name} is left out: {missing}")
        else:
            sys.exit(f"{case.name}: {missing}")
    return chosen


def arguments() -> argparse.Namespace:
    """The options of the command."""
    parser = command(
        "boundary_search", __doc__, quick="one boundary, two searches of at most 8 evaluations, two replays and campaigns"
    )
    parser.add_argument("--replays", type=int, default=24, help="seeds of the replays (default 24)")
    parser.add_argument("--campaigns", type=int, default=48, help="seeds of the campaigns (default 48)")
    parser.add_argument("--seeds", type=int, default=5, help="runs of each search (default 5)")
    parser.add_argument("--evaluations", type=int, default=150, help="most evaluations of a search (default 150)")
    parser.add_argument("--seconds", type=float, default=20.0, help="most core-seconds of most searches (default 20)")
    parser.add_argument("--parts", nargs="+", choices=PARTS, help="what is added if missing (default all)")
    parser.add_argument("--methods", nargs="+", choices=tuple(METHODS), default=list(METHODS), help="searches (default all)")
    names = [case.name for case in CASES]
    parser.add_argument("--cases", nargs="+", choices=names, help="only searches of these boundaries")
    parser.add_argument("--again", action="store_true", help="the stored rows of --cases by --methods are made again")
    parser.add_argument("--potential", type=Path, default=Path(), help="folder with Al99.eam.alloy (Mishin 1999)")
    given = parser.parse_args()
    if given.again and given.cases is None:
        parser.error("--again: expected --cases")
    return given


def main() -> None:
    """Runs the comparison; an interrupted one continues."""
    given = arguments()
    quick = given.quick
    methods = ("arms", "random") if quick else tuple(given.methods)
    cases = CASES[:1] if quick else usable(given.cases, given.potential)
    seeds, most = (1, 8) if quick else (given.seeds, given.evaluations)
    limits = Limits(seeds, most, given.seconds, given.potential.resolve())
    same = {"version": 2, "quick": quick, "evaluations": most, "seconds": given.seconds}
    result = begun(given.out, same, replays=[], rows=[], provenance=describe_machine())
    parts = given.parts or (PARTS if given.cases is None else ("searches",))
    if given.again:
        again = {(case.name, method) for case in cases for method in methods}
        result["rows"] = [row for row in result["rows"] if (row["case"], row["method"]) not in again]
    if "replays" in parts:
        replays(result, given.out, methods, 2 if quick else given.replays, quick=quick)
        print_summary(result["replays"], "replays")
    if "campaigns" in parts:
        campaigns(result, given.out, 2 if quick else given.campaigns, quick=quick)
        print_campaigns(result["campaigns"])
    if "searches" in parts:
        searches(result, given.out, methods, cases, limits)
        print_summary(result["rows"], "searches")


if __name__ == "__main__":
    main()
