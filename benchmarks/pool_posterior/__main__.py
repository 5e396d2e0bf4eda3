"""``python -m benchmarks.pool_posterior --out result.json``: time from a new observation to the next proposal on a large pool.

ours_s: a pool without a shared grid of translations (cached cross-covariances); ours_shared_grid_s: surfaces share one grid.
Both are the median over several proposals, each after one more observation, with the additive kernel of the preset ``default``.
botorch_s: the faster of two usual ways with a ``SingleTaskGP`` of the same size on the same pool, hyper-parameters given:
its posterior in joint chunks of 2,000, and analytic EI with q = 1. The second is broken off once it has lost.
ratio = botorch_s / ours_s.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
import warnings
from pathlib import Path

import numpy as np

from benchmarks.synthetic import boundary_pool, smooth_energies
from tansaku.models.domain.identifiers import proposal_rng
from tansaku.models.domain.pool import CandidatePool, FloatArray
from tansaku.models.domain.ports import History
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.proposer import GPProposerSpec
from tansaku.models.engine.registry import build_proposer
from tansaku.tasks.machine import describe_machine

CHUNK = 2000
PROPOSALS = 5
FULL = (38, (9, 16, 15), 500)
QUICK = (8, (5, 8, 6), 60)


def next_proposal_s(pool: CandidatePool, values: FloatArray, n_observed: int) -> float:
    """Median time of a proposal that follows one more observation [s]."""
    proposer = build_proposer(GPProposerSpec())
    chosen = np.random.default_rng(0).permutation(len(pool))[:n_observed]
    fit_on = chosen[: min(120, n_observed)]
    fitted = proposer.fit(pool, History(fit_on, values[fit_on]), None)
    fitted = {**fitted, "n_observed": n_observed - PROPOSALS - 1}
    times = []
    for count in range(n_observed - PROPOSALS - 1, n_observed):
        history = History(chosen[: count + 1], values[chosen[: count + 1]])
        begin = time.perf_counter()
        proposer.propose(pool, history, count + 2, proposal_rng(0, count + 2), fitted)
        times.append(time.perf_counter() - begin)
    return statistics.median(times[1:])


def botorch_s(pool: CandidatePool, values: FloatArray, n_observed: int) -> JsonDict:
    """Times of the two usual ways over the whole pool [s]."""
    import torch
    from botorch.acquisition import ExpectedImprovement
    from botorch.models import SingleTaskGP

    columns = np.column_stack([group.values[group.index] for group in pool.groups.values()])
    x = torch.tensor((columns - columns.min(axis=0)) / np.ptp(columns, axis=0))
    chosen = np.random.default_rng(0).permutation(len(pool))[:n_observed]
    y = torch.tensor(values[chosen])
    model = SingleTaskGP(x[chosen], ((y - y.mean()) / y.std())[:, None])
    model.eval()
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.posterior(x[:CHUNK])
        begin = time.perf_counter()
        for chunk in x.split(CHUNK):
            posterior = model.posterior(chunk)
            posterior.mean.numpy(), posterior.variance.numpy()
        joint = time.perf_counter() - begin
        improvement = ExpectedImprovement(model, best_f=float(y.min()), maximize=False)
        done, begin = 0, time.perf_counter()
        for chunk in x.split(CHUNK):
            improvement(chunk[:, None, :])
            done += len(chunk)
            if time.perf_counter() - begin > joint:
                break
        elapsed = time.perf_counter() - begin
    whole = elapsed * len(x) / done
    return {
        "botorch_s": min(joint, whole),
        "botorch_joint_chunks_s": joint,
        "botorch_ei_s": whole,
        "botorch_ei_share_run": done / len(x),
        "torch_threads": torch.get_num_threads(),
    }


def measure(n_systems: int, grid_shape: tuple[int, int, int], n_observed: int) -> JsonDict:
    """Measures all ways one after the other."""
    result: JsonDict = {"candidates": 0, "observations": n_observed, "blas_threads": os.environ.get("OMP_NUM_THREADS", "all")}
    for key, shared in (("ours_s", False), ("ours_shared_grid_s", True)):
        pool = boundary_pool(n_systems, grid_shape, shared_grid=shared)
        result["candidates"] = len(pool)
        result[key] = next_proposal_s(pool, smooth_energies(pool), n_observed)
    result |= botorch_s(pool, smooth_energies(pool), n_observed)
    result["ratio"] = result["botorch_s"] / result["ours_s"]
    result["ratio_shared_grid"] = result["botorch_s"] / result["ours_shared_grid_s"]
    return result


def main() -> None:
    """Measures and writes the result."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pool_posterior", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="result file (JSON)")
    parser.add_argument("--quick", action="store_true", help="a small pool")
    given = parser.parse_args()
    machine = describe_machine()
    measured = measure(*(QUICK if given.quick else FULL))
    given.out.write_text(json.dumps({"schema_version": 1, **measured, "provenance": machine}, indent=2) + "\n")
    for key in ("candidates", "observations", "ours_s", "ours_shared_grid_s", "botorch_s", "ratio", "ratio_shared_grid"):
        print(f"{key:20} {measured[key]:.4g}")


if __name__ == "__main__":
    main()
