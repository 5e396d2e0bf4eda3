"""``OMP_NUM_THREADS=1 python -m benchmarks.paths.proposal --out FILE``: what a proposal takes on a grid of 100,000 points.

Two grids: that of a spinel, which the space group folds into some hundred candidates, and that of a cell without any symmetry,
where every point is a candidate; there also with ``sampling: pathwise``, which draws all points. The surface is a random
combination of the features, so that nothing is computed. Given are processor seconds of all threads, which another program
beside this one changes little, and seconds of the clock, with the load of the machine in ``provenance``.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
from ase import Atoms

from benchmarks.paths.hosts import HOSTS
from tansaku.calculators.structures.extended_xyz import write_extended_xyz
from tansaku.models.domain.identifiers import proposal_rng
from tansaku.models.domain.pool import CandidatePool
from tansaku.models.domain.ports import History
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.campaign import ObjectiveSpec
from tansaku.models.domain.specs.energy_surface import EnergySurfaceSpaceSpec
from tansaku.models.domain.specs.proposer import GPProposerSpec
from tansaku.models.engine.proposer_registry import build_proposer
from tansaku.spaces.energy_surface import EnergySurfaceSpace
from tansaku.tasks.ground.settings import THREAD_VARIABLES
from tansaku.tasks.node.jobs.machine import describe_machine
from tansaku.tasks.node.jobs.spool_files import write_json

_INITIAL, _EVALUATIONS = 8, 18
_FOLDED = "li-mgal2o4"


def without_symmetry() -> CandidatePool:
    """Six atoms anywhere in a box of 9 Å."""
    places = np.random.default_rng(3).random((6, 3))
    with tempfile.TemporaryDirectory() as folder:
        write_extended_xyz(Path(folder, "host.extxyz"), Atoms("Al6", scaled_positions=places, cell=[9.2, 9.3, 9.4], pbc=True))
        spec = {"host": {"file": "host.extxyz"}, "ion": "H", "grid": 0.2, "exclusion": 0.3}
        return EnergySurfaceSpace(EnergySurfaceSpaceSpec.model_validate(spec), Path(folder)).pool()


def measure(pool: CandidatePool, sampling: str = "lowest", evaluations: int = _EVALUATIONS) -> JsonDict:
    """Plays a search and times each proposal after the initial ones.

    Args:
        pool: Points of one grid.
        sampling: As in the goal.
        evaluations: Of the search.

    Returns:
        ``after_refit`` and ``else``: proposals right after hyper-parameters were fitted, for which the whole pool is predicted
        again, and the others; of each the median ``core_seconds`` and ``seconds``.
    """
    waves = pool.groups["position"]
    values = (waves.values @ np.random.default_rng(0).standard_normal(waves.values.shape[1]))[waves.index]
    goal = {"type": "bottleneck", "dimensions": 3, "sampling": sampling}
    objective = ObjectiveSpec.model_validate({"unit": "eV", "goal": goal})
    proposer = build_proposer(GPProposerSpec(initial_points=_INITIAL), objective)
    chosen: list[int] = []
    fits: list[int] = []
    fitted, fresh = None, False
    times: dict[str, list[tuple[float, float]]] = {"after_refit": [], "else": []}
    for number in range(1, evaluations + 1):
        done = np.array(chosen, dtype=np.intp)
        history = History(done, values[done])
        begun, spent = time.perf_counter(), time.process_time()
        choice = proposer.propose(pool, history, number, proposal_rng(0, number), fitted)
        taken = time.process_time() - spent, time.perf_counter() - begun
        if choice is None:
            raise AssertionError("the pool is larger than the search")
        # The first search of the first proposal compiles.
        if number > _INITIAL + 1:
            times["after_refit" if fresh else "else"].append(taken)
        chosen.append(choice.position)
        done = np.array(chosen, dtype=np.intp)
        fresh = proposer.refit_due(len(done), fits)
        if fresh:
            fitted = proposer.fit(pool, History(done, values[done]), fitted)
            fits.append(len(done))
    grid = pool.grids[pool.systems[0]]
    return {"candidates": len(pool), "grid_points": len(grid.members)} | {
        kind: {
            "proposals": len(rows),
            "core_seconds": statistics.median(row[0] for row in rows),
            "seconds": statistics.median(row[1] for row in rows),
        }
        for kind, rows in times.items()
    }


def main() -> None:
    """Entry of the command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.paths.proposal", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="result file (JSON)")
    out = parser.parse_args().out
    if os.environ.get(THREAD_VARIABLES[0]) != "1":
        parser.error(f"set {THREAD_VARIABLES[0]}=1: a driver's numerical libraries have one thread each")
    folded = next(host for host in HOSTS if host.name == _FOLDED).space().pool()
    plain = without_symmetry()
    result = {
        "folded": measure(folded),
        "without_symmetry": measure(plain),
        "without_symmetry_pathwise": measure(plain, "pathwise"),
    }
    write_json(out, {"schema_version": 2, **result, "provenance": describe_machine()})
    for name, found in result.items():
        print(f"{name}: {found}")


if __name__ == "__main__":
    main()
