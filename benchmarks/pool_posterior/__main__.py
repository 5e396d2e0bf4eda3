"""``python -m benchmarks.pool_posterior --out result.json``: time from a new observation to the next proposal on a large pool.

ours_s: a pool without a shared grid of translations (cached cross-covariances); ours_shared_grid_s: surfaces share one grid.
Both are the median over several proposals, each after one more observation, with the additive kernel of the preset ``default``.
botorch_s: the faster of two usual ways with a ``SingleTaskGP`` of the same size on the same pool, hyper-parameters given:
its posterior in joint chunks of 2,000, and analytic EI with q = 1. The second is stopped once it is slower.
ratio = botorch_s / ours_s.

kernels_s, kernels_memory_gb: the pool without a shared grid with other kernels of the grammar, each in a process of its own.
million_*: a million candidates, with and without a shared grid. two_stage_loss: what the scan of the million in single
precision, whose leaders are predicted again in full precision, loses of the acquisition value against a full scan (the largest
of a few). torch_cpu_s: with torch on the processor; gpu_s and gpu_speedup = ours_s / gpu_s only where torch sees a GPU.
"""

from __future__ import annotations

import json
import os
import time
import warnings
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from benchmarks.command import command
from benchmarks.pool_posterior.case import KERNELS, Size, run_case
from benchmarks.synthetic import boundary_pool, smooth_energies
from tansaku.models.domain.pool import CandidatePool, FloatArray
from tansaku.models.domain.records import JsonDict
from tansaku.tasks.node.jobs.machine import describe_machine

CHUNK = 2000
FULL = Size(38, (9, 16, 15), 500)
MILLION = Size(38, (18, 26, 30), 500)
QUICK = Size(8, (5, 8, 6), 60)
FEW_KERNELS = ("default", "sum of eight")
QUICK_MILLION = Size(8, (10, 8, 6), 60)


def botorch_s(pool: CandidatePool, values: FloatArray, n_observed: int) -> JsonDict:
    """Times of the two usual ways over the whole pool [s]."""
    import torch
    from botorch.acquisition.analytic import ExpectedImprovement
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


def measure(size: Size, names: Sequence[str]) -> JsonDict:
    """Measures the usual size, ours and BoTorch's, one after the other."""
    result: JsonDict = {"observations": size.observations, "blas_threads": os.environ.get("OMP_NUM_THREADS", "all")}
    kernels = {name: run_case(name, size) for name in names}
    result["candidates"] = kernels["default"]["candidates"]
    result["ours_s"] = kernels["default"]["seconds"]
    result["ours_shared_grid_s"] = run_case("default", replace(size, shared=True))["seconds"]
    result["kernels_s"] = {name: kernel["seconds"] for name, kernel in kernels.items()}
    result["kernels_memory_gb"] = {name: kernel["memory_gb"] for name, kernel in kernels.items()}
    pool = boundary_pool(size.systems, size.grid, shared_grid=False)
    result |= botorch_s(pool, smooth_energies(pool), size.observations)
    result["ratio"] = result["botorch_s"] / result["ours_s"]
    result["ratio_shared_grid"] = result["botorch_s"] / result["ours_shared_grid_s"]
    return result | devices(size, result["ours_s"])


def devices(size: Size, ours_s: float) -> JsonDict:
    """The same with torch, on the processor and on a GPU if there is one."""
    import torch

    result: JsonDict = {"torch_cpu_s": run_case("default@cpu", size)["seconds"]}
    if torch.cuda.is_available():
        seconds = run_case("default@cuda", size)["seconds"]
        result |= {"gpu": torch.cuda.get_device_name(), "gpu_s": seconds, "gpu_speedup": ours_s / seconds}
    return result


def measure_million(size: Size) -> JsonDict:
    """A million candidates."""
    result: JsonDict = {}
    for key, item in (("million", size), ("million_shared_grid", replace(size, shared=True))):
        case = run_case("default", item)
        result |= {"million_candidates": case["candidates"], f"{key}_s": case["seconds"], f"{key}_memory_gb": case["memory_gb"]}
    scans = run_case("scans", size)
    return result | {key: scans[key] for key in ("two_stage_loss", "two_stage_same_choice")}


def main() -> None:
    """Measures and writes the result."""
    parser = command("pool_posterior", __doc__, quick="a small pool")
    given = parser.parse_args()
    machine = describe_machine()
    usual = measure(QUICK, FEW_KERNELS) if given.quick else measure(FULL, tuple(KERNELS))
    measured = usual | measure_million(QUICK_MILLION if given.quick else MILLION)
    given.out.write_text(json.dumps({"schema_version": 1, **measured, "provenance": machine}, indent=2) + "\n")
    for key, value in measured.items():
        if isinstance(value, float | int):
            print(f"{key:28} {value:.4g}")


if __name__ == "__main__":
    main()
