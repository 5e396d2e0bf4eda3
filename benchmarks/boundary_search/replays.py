"""Searches replayed on pools whose candidates were all relaxed before: many seeds cost seconds."""

from __future__ import annotations

import itertools
import json
import tempfile
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow.parquet

from benchmarks.boundary_search.cases import METHODS, TOLERANCE
from benchmarks.replays.choices import choices
from benchmarks.replays.table import restricted, whole
from tansaku.models.domain.pool import CandidatePool, FloatArray
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.proposer import ProposerBase
from tansaku.tasks.node.jobs.document import JobDocument
from tansaku.tasks.node.jobs.evaluate import evaluate
from tansaku.tasks.read.views.tabulation import METADATA_KEY

POOLS = Path(__file__).with_name("pools")

RELAXED_AGAIN = 12
"""Candidates of a pool whose relaxation is timed."""

REPLAYED: dict[str, tuple[ProposerBase, int, int | None]] = {
    "arms": (METHODS["arms"].proposer, 1000, None),
    "arms-without-gp": (METHODS["arms-without-gp"].proposer, 1000, None),
    "gp": (METHODS["gp"].proposer, 3, 100),
    "random": (METHODS["random"].proposer, 1000, None),
}
"""By name: how candidates are chosen, and the most seeds and evaluations."""


@dataclass(frozen=True)
class Boundary:
    """One boundary's part of a pool.

    Attributes:
        pool: All candidates that were relaxed.
        values: Their energies, NaN where the relaxation failed [mJ/m^2], shape ``(n_candidates,)``.
        table: Campaign file of the pool's table.
    """

    name: str
    pool: CandidatePool
    values: FloatArray
    table: Path

    @property
    def lowest(self) -> float:
        """The lowest energy of the pool [mJ/m^2]."""
        return float(np.nanmin(self.values))

    @property
    def hits(self) -> int:
        """Candidates whose energy is the lowest one within the tolerance."""
        return int((self.values <= self.lowest + TOLERANCE).sum())


@cache
def boundaries(folder: Path = POOLS) -> tuple[Boundary, ...]:
    """All boundaries of the pools in a folder, by pool and name."""
    found = []
    for campaign in sorted(folder.glob("*/*-table.yaml")):
        pool, values = whole(campaign)
        for code, system in enumerate(pool.systems):
            part, kept = restricted(pool, [code])
            found.append(Boundary(f"{campaign.parent.name} {system}", part, values[kept], campaign))
    return tuple(found)


@cache
def seconds_per_atom(table: Path) -> float:
    """Processor time of relaxations by atoms in the cell: some random candidates of a pool are relaxed once more [s]."""
    pool, _ = whole(table)
    spec = json.loads(pyarrow.parquet.read_schema(table.with_name("candidates.parquet")).metadata[METADATA_KEY])["spec"]
    taken = np.random.default_rng(0).choice(len(pool), 1 + RELAXED_AGAIN, replace=False)
    seconds = 0.0
    with tempfile.TemporaryDirectory() as folder:
        for position in taken:
            document = {key: spec[key] for key in ("space", "calculator", "objective")}
            job = {"campaign": "benchmark", "candidate": str(pool.ids[position]), "base_path": str(table.parent)}
            begin = time.process_time()
            evaluate(JobDocument.model_validate(document | job), Path(folder))
            # The first one opens space and potential.
            seconds += time.process_time() - begin if position != taken[0] else 0.0
    return seconds / float(pool.cost[taken[1:]].sum())


def replay(boundary: Boundary, spec: ProposerBase, seed: int, most: int | None = None) -> JsonDict:
    """Searches a pool until its lowest energy is found.

    Args:
        boundary: What is searched.
        spec: How candidates are chosen.
        seed: Of the search.
        most: Evaluations it may spend; None: all.

    Returns:
        Whether it was ``found``, after how many ``evaluations`` and ``atoms`` of the cells, the seconds of ``choosing``, and
        ``core_seconds``: these and the relaxations.
    """
    pool, values = boundary.pool, boundary.values
    target, budget = boundary.lowest + TOLERANCE, min(most or len(pool), len(pool))
    chosen: list[int] = []
    begin, found = time.process_time(), False
    for position in itertools.islice(choices(pool, values, spec, seed), budget):
        chosen.append(position)
        found = bool(values[position] <= target)
        if found:
            break
    atoms, choosing = float(pool.cost[chosen].sum()), time.process_time() - begin
    return {
        "case": boundary.name,
        "seed": seed,
        "found": found,
        "evaluations": len(chosen),
        "atoms": atoms,
        "choosing": round(choosing, 3),
        "core_seconds": round(choosing + atoms * seconds_per_atom(boundary.table), 2),
    }
