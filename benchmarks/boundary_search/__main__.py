"""``python -m benchmarks.boundary_search --out result.json``: evaluations and core-seconds until a known boundary is found.

Every candidate is computed with LAMMPS; a run ends when its lowest energy is within 1 mJ/m^2 of the known one, or with its
budget.
"""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from benchmarks.boundary_search.cases import CASES, METHODS, Case
from benchmarks.command import begun, command
from tansaku.models.domain.errors import CalculationError
from tansaku.models.domain.identifiers import proposal_rng
from tansaku.models.domain.pool import CandidatePool
from tansaku.models.domain.ports import History
from tansaku.models.domain.records import JsonDict
from tansaku.models.engine.proposer_registry import build_proposer
from tansaku.tasks.jobs.document import JobDocument
from tansaku.tasks.jobs.evaluate import evaluate
from tansaku.tasks.jobs.opened import opened_space
from tansaku.tasks.jobs.spool_files import write_json

TOLERANCE = 1.0
"""An energy is the known one if it is at most so much above it [mJ/m^2]."""


@dataclass
class Search:
    """One run.

    Attributes:
        seconds: Of the processor, so far.
    """

    case: Case
    annealed: bool
    seed: int
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
                "space": self.case.space(annealed=self.annealed),
                "calculator": {
                    "type": "lammps",
                    "potential": "Cu_mishin1.eam.alloy",
                    "relaxation": {"translation": "free", "fmax": 0.01},
                },
                "objective": {"unit": "mJ/m2"},
                "base_path": str(Path()),
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


def run(case: Case, method: str, seed: int, most: int, most_seconds: float) -> JsonDict:
    """Searches until the known energy, a number of evaluations, or processor time is reached."""
    spec, annealed = METHODS[method]
    search, proposer = Search(case, annealed, seed), build_proposer(spec)
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
        "core_seconds": round(search.seconds, 2),
        "lowest": round(min(search.values), 2) if search.values else None,
    }


def print_summary(rows: list[JsonDict]) -> None:
    """A line for each case and method."""
    print("case        method   found   evaluations (median)   core-seconds (median)")
    for case, method in dict.fromkeys((row["case"], row["method"]) for row in rows):
        own = [row for row in rows if (row["case"], row["method"]) == (case, method)]
        hits = sum(row["found"] for row in own)
        medians = [float(np.median([row[key] for row in own])) for key in ("evaluations", "core_seconds")]
        print(f"{case:11} {method:8} {hits}/{len(own):<6} {medians[0]:12.0f} {medians[1]:22.1f}")


def main() -> None:
    """Runs the comparison; an interrupted one continues."""
    parser = command("boundary_search", __doc__, quick="one boundary, two searches of at most 8 evaluations")
    parser.add_argument("--seeds", type=int, default=5, help="runs of each search (default 5)")
    parser.add_argument("--evaluations", type=int, default=150, help="most evaluations of a run (default 150)")
    parser.add_argument("--seconds", type=float, default=600.0, help="most core-seconds of a run (default 600)")
    parser.add_argument("--methods", nargs="+", choices=tuple(METHODS), default=list(METHODS), help="searches (default all)")
    given = parser.parse_args()
    quick = given.quick
    cases, methods = (CASES[:1], ("arms", "random")) if quick else (CASES, tuple(given.methods))
    most, seeds = (8, 1) if quick else (given.evaluations, given.seeds)
    result = begun(given.out, {"version": 1, "quick": quick, "evaluations": most, "seconds": given.seconds}, rows=[])
    rows = result["rows"]
    done = {(row["case"], row["method"], row["seed"]) for row in rows}
    for seed in range(seeds):
        for case in cases:
            for method in methods:
                if (case.name, method, seed) not in done:
                    rows.append(run(case, method, seed, most, given.seconds))
                    write_json(given.out, result)
    print_summary(rows)


if __name__ == "__main__":
    main()
