"""Times of descriptors and networks."""

from __future__ import annotations

import time

import numpy as np

from benchmarks.voxel.methods import Division
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.surrogates import DeviceChoice, TrainingRun
from tansaku.potentials.features.voxels import voxel_descriptor
from tansaku.potentials.specs.voxel_network import VoxelNetworkSpec
from tansaku.potentials.voxel_network.training import VoxelNetworkTrainer

POINTS = 96
EDGES = (10.0, 38.0)
"""Edges of cubic cells [Å]; with so many points along an edge the longer one is as coarse as a field may be."""
_TIMES = 5


def descriptor() -> JsonDict:
    """Times of the processor for the descriptor of a field, the best of a few, by the edge of the cell [s]."""
    field = np.random.default_rng(0).random((POINTS, POINTS, POINTS))
    found = {}
    for edge in EDGES:
        seconds = []
        for _ in range(_TIMES):
            begun = time.process_time()
            voxel_descriptor(field, edge * np.eye(3))
            seconds.append(time.process_time() - begun)
        found[f"{edge:g}"] = min(seconds)
    return {"points": POINTS, "seconds": found}


def devices(spec: VoxelNetworkSpec, division: Division) -> JsonDict:
    """Times of the same training of one network on the processor and on a GPU [s]."""
    import torch

    single = spec.model_copy(update={"members": 1})
    # The initialisation of a GPU at its first use is not part of a training.
    trained_seconds(single.model_copy(update={"epochs": 1}), division, "cuda")
    cpu, gpu = (trained_seconds(single, division, device) for device in ("cpu", "cuda"))
    hardware = {"torch_threads": torch.get_num_threads(), "gpu": torch.cuda.get_device_name()}
    return hardware | {"network_cpu_s": cpu, "network_gpu_s": gpu, "gpu_speedup": cpu / gpu}


def trained_seconds(spec: VoxelNetworkSpec, division: Division, device: DeviceChoice) -> float:
    """Trains a network from the examples; returns the time that this takes [s]."""
    examples = [division.oxides.example(*known) for known in zip(division.training, division.values, strict=True)]
    begun = time.perf_counter()
    VoxelNetworkTrainer(spec).fit(examples, TrainingRun(seed=division.seed, device=device))
    return time.perf_counter() - begun
