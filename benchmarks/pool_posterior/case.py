"""``python -m benchmarks.pool_posterior.case NAME …``: one measurement in a separate process, which also measures its memory.

Prints one JSON object: ``seconds`` (median time of a proposal that follows one more observation), ``memory_gb`` (largest
resident size of the process) and what else the case gives.
"""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.synthetic import boundary_pool, smooth_energies
from tansaku.models.domain.identifiers import proposal_rng
from tansaku.models.domain.pool import CandidatePool, FloatArray
from tansaku.models.domain.ports import Choice, History, Proposer
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.proposer import GPProposerSpec
from tansaku.models.engine.cross import MEMORY_LIMIT
from tansaku.models.engine.device import Device
from tansaku.models.engine.gp import GPProposer
from tansaku.models.engine.presets import settings

PROPOSALS = 5
FIT_ON = 120
SCAN_PROPOSALS = 3

KERNELS: dict[str, JsonDict] = {
    "default": {},
    "obo": {"preset": "obo"},
    "abo": {"preset": "abo"},
    "task": {
        "kernel": {"type": "product", "factors": [{"type": "task", "rank": 2}, {"type": "matern52", "over": "translation"}]}
    },
    "sum of eight": {
        "kernel": {
            "type": "sum",
            "terms": [
                {"type": "same", "of": "surface"},
                {"type": "linear", "over": "angle"},
                {"type": "rbf"},
                {"type": "matern12", "over": "translation"},
                {"type": "matern32", "over": ["translation", "angle"]},
                {"type": "periodic", "over": "translation", "period": [0.9, 3.2, 1.6]},
                {"type": "product", "factors": [{"type": "task"}, {"type": "matern52", "over": "translation"}]},
                {"type": "categorical", "over": "angle"},
            ],
        }
    },
}


@dataclass(frozen=True)
class Size:
    """Size of a pool and number of observations.

    Attributes:
        systems: Number of systems, two surfaces for most of them.
        grid: Translations along each direction.
        observations: Number of observations.
        shared: Whether surfaces share their translations.
    """

    systems: int
    grid: tuple[int, int, int]
    observations: int
    shared: bool = False


def run_case(name: str, size: Size) -> JsonDict:
    """Measures a case in a process of its own."""
    arguments = [name, json.dumps([size.systems, size.grid, size.observations, size.shared])]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.pool_posterior.case", *arguments], check=True, stdout=subprocess.PIPE, text=True
    )
    result: JsonDict = json.loads(done.stdout.splitlines()[-1])
    return result


def _proposer(spec: JsonDict, device: Device = "numpy", memory_limit: int | None = None) -> GPProposer:
    chosen = replace(settings(GPProposerSpec.model_validate(spec)), device=device)
    return GPProposer(chosen if memory_limit is None else replace(chosen, memory_limit=memory_limit))


def _fitted(proposer: Proposer, pool: CandidatePool, values: FloatArray, size: Size) -> tuple[list[int], JsonDict]:
    """Observed positions in order, and hyper-parameters fitted to the first of them."""
    chosen = np.random.default_rng(0).permutation(len(pool))[: size.observations]
    on = chosen[: min(FIT_ON, size.observations)]
    fitted = proposer.fit(pool, History(on, values[on]), None)
    return chosen.tolist(), {**fitted, "n_observed": size.observations - PROPOSALS - 1}


def _proposals(
    proposer: Proposer, pool: CandidatePool, values: FloatArray, observed: list[int], fitted: JsonDict, count: int
) -> tuple[list[float], list[Choice]]:
    """Times and choices of the last few proposals, each after one more observation."""
    times, choices = [], []
    for known in range(len(observed) - count, len(observed) + 1):
        history = History(np.array(observed[:known]), values[observed[:known]])
        begin = time.perf_counter()
        choice = proposer.propose(pool, history, known + 1, proposal_rng(0, known + 1), fitted)
        times.append(time.perf_counter() - begin)
        if choice is None:
            raise AssertionError("candidates are left, so there is a choice")
        choices.append(choice)
    return times[1:], choices[1:]


def time_kernel(kernel: str, size: Size, device: Device = "numpy") -> JsonDict:
    """A proposal with one of :data:`KERNELS`."""
    pool = boundary_pool(size.systems, size.grid, shared_grid=size.shared)
    values = smooth_energies(pool)
    proposer = _proposer(KERNELS[kernel], device)
    observed, fitted = _fitted(proposer, pool, values, size)
    times, _ = _proposals(proposer, pool, values, observed, fitted, PROPOSALS)
    return {"candidates": len(pool), "seconds": statistics.median(times)}


def compare_scans(size: Size) -> JsonDict:
    """Loss of the rounded scan with its second stage, relative to a scan in full precision, which needs much memory.

    ``two_stage_loss`` is the largest relative loss of the acquisition value; the second stage gives that in full precision.
    """
    pool = boundary_pool(size.systems, size.grid, shared_grid=False)
    values = smooth_energies(pool)
    staged = _proposer({}, memory_limit=_rounding_limit(len(pool)))
    observed, fitted = _fitted(staged, pool, values, size)
    _, found = _proposals(staged, pool, values, observed, fitted, SCAN_PROPOSALS)
    del staged
    _, best = _proposals(_proposer({}, memory_limit=2**40), pool, values, observed, fitted, SCAN_PROPOSALS)
    pairs = list(zip(found, best, strict=True))
    return {
        "two_stage_loss": max(1.0 - (pair.acquisition or 0.0) / (other.acquisition or 1.0) for pair, other in pairs),
        "two_stage_same_choice": sum(pair.position == other.position for pair, other in pairs) / len(pairs),
    }


def _rounding_limit(candidates: int) -> int:
    """The usual limit, or for a small pool the largest with which covariances are kept in single precision."""
    return min(MEMORY_LIMIT, 8 * 499 * candidates)


def main() -> None:
    """Runs the case named on the command line."""
    name, given = sys.argv[1], json.loads(sys.argv[2])
    size = Size(given[0], tuple(given[1]), given[2], given[3])
    if name == "scans":
        result = compare_scans(size)
    else:
        kernel, _, device = name.partition("@")
        result = time_kernel(kernel, size, device or "numpy")  # type: ignore[arg-type]
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(json.dumps({**result, "memory_gb": memory}))


if __name__ == "__main__":
    main()
