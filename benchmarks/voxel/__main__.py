"""``python -m benchmarks.voxel --out result.json``: predictions of the parts of an oxide's energy from fields and atoms.

The oxides beside this file (``oxides.npz``, by the campaign of ``oxides.yaml``) are divided into training and test oxides at
random, all oxides of one composition on one side, again and again. Methods learn from some of the training oxides: kernels on
surroundings of atoms (SOAP) and on a Coulomb matrix with the constants of Kajita et al. 2017, their network on voxels of the
valence density (R3DVS) and of free atoms' electrons in its place, both kinds one after the other, a ridge on the power
spectrum, and our own network that sees points and field.

`mae`, `standard_error`: target → method → number of training oxides → mean absolute error of the test oxides [eV/atom; the gap:
eV]. `errors`: method → number of training oxides → divisions → targets. `paired`: as `mae`, a method's error less that of SOAP
in the divisions that both have. `unseen`: number of training oxides → divisions → test oxides with an element that no training
oxide has. `wall_seconds`, `cpu_seconds`: of all divisions of a method. `descriptor`: times for a field of 96³ points [s].
`devices`: with a GPU, times of one network there and on the processor.

The file is written whenever a method has done a division. Those that it has are not computed again, so a run that was stopped
continues, and ``--networks`` and ``--repetitions`` add divisions to it.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import get_args

import numpy as np

from benchmarks.command import begun, command, figure_file
from benchmarks.voxel.comparison import TEST_SHARE, compare, divisions
from benchmarks.voxel.data import FILE, INTENSIVE, TARGETS, read
from benchmarks.voxel.features import Oxides
from benchmarks.voxel.methods import NETWORKS, Division, methods
from tansaku.models.domain.identifiers import file_sha256
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.surrogates import DeviceChoice, TrainingRun
from tansaku.models.surrogates.torch_device import torch_device
from tansaku.potentials.features.voxels import voxel_descriptor
from tansaku.potentials.specs.voxel_network import VoxelNetworkSpec
from tansaku.potentials.voxel_network.training import VoxelNetworkTrainer
from tansaku.tasks.node.jobs.machine import describe_machine
from tansaku.tasks.node.jobs.spool_files import write_json

SHARES = (0.25, 0.5, 1.0)
NETWORK = VoxelNetworkSpec(properties=TARGETS, intensive=INTENSIVE)
QUICK_NETWORK = NETWORK.model_copy(update={"members": 1, "epochs": 1, "rotations": 1, "views": 1})


_TITLES = {
    "hartree_energy": "(a) Hartree energy",
    "delta_xc_energy": "(b) exchange-correlation",
    "ion_ion_energy": "(c) ion-ion energy",
    "eigenvalue_energy": "(d) sum of eigenvalues",
    "cohesive_energy": "(e) cohesive energy",
    "band_gap": "(f) band gap",
}
_LINES = {
    "r3dvs": ("R3DVS", "o-", "C3"),
    "r3dvs_free_atoms": ("R3DVS, free atoms", "o:", "C6"),
    "soap": ("SOAP", "s-", "C0"),
    "coulomb_matrix": ("CM", "^-", "C2"),
    "soap_then_r3dvs": ("SOAP → R3DVS", "o--", "C1"),
    "soap_then_coulomb_matrix": ("SOAP → CM", "^--", "C4"),
    "soap_tuned": ("SOAP, tuned", "s:", "C0"),
    "soap_tuned_then_r3dvs": ("SOAP, tuned → R3DVS", "o-.", "C8"),
    "soap_tuned_then_coulomb_matrix": ("SOAP, tuned → CM", "^-.", "C7"),
    "power_spectrum": ("power spectrum", "d:", "C5"),
    "points_and_field": ("points and field (ours)", "*-", "k"),
}


def draw(result: JsonDict, path: Path) -> None:
    """One panel per target, logarithmic."""
    with figure_file(path, 11.0, 7.0) as figure:
        for axes, target in zip(figure.subplots(2, 3).ravel(), TARGETS, strict=True):
            by_method = result["mae"][target]
            for name in (item for item in _LINES if item in by_method):
                label, line, colour = _LINES[name]
                sizes = sorted(by_method[name], key=int)
                # None, after one division, becomes NaN: no bar is drawn.
                spread = np.array([result["standard_error"][target][name][size] for size in sizes], dtype=np.float64)
                means = [by_method[name][size] for size in sizes]
                axes.errorbar(
                    [int(size) for size in sizes], means, yerr=spread, fmt=line, color=colour, ms=4, lw=1.0, label=label
                )
            unit = "eV" if target in INTENSIVE else "eV/atom"
            axes.set(xlabel="training oxides", ylabel=f"mean absolute error [{unit}]", yscale="log")
            axes.set_title(_TITLES[target], fontsize=9)
        figure.legend(
            *figure.axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=6, fontsize=8, handlelength=3.5
        )


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


def main() -> None:
    """Compares the methods and writes the result."""
    parser = command(
        "voxel",
        __doc__,
        quick="two divisions of few oxides, one of them with small networks",
        figure="errors against training oxides",
    )
    parser.add_argument("--repetitions", type=int, default=20, help="divisions for kernels")
    text = "divisions for methods that train networks; each takes about 37 minutes on one processor core"
    parser.add_argument("--networks", type=int, default=1, help=text)
    parser.add_argument("--device", choices=get_args(DeviceChoice), default="cpu", help="where networks are trained")
    given = parser.parse_args()
    spec, shares = (QUICK_NETWORK, SHARES[:1]) if given.quick else (NETWORK, SHARES)
    repetitions, networks = (2, 1) if given.quick else (given.repetitions, given.networks)
    device = torch_device(given.device)
    rows, computed = read()
    oxides = Oxides(rows, computed["valence_electrons"])
    same: JsonDict = {
        "schema_version": 2,
        "quick": given.quick,
        "data": {"file": FILE.name, "sha256": file_sha256(FILE)},
        "settings": {
            "network": spec.model_dump(mode="json"),
            "device": device,
            "shares": list(shares),
            "test_share": TEST_SHARE,
        },
    }
    result = begun(given.out, same, errors={}, wall_seconds={}, cpu_seconds={})
    spread = np.abs(oxides.values - oxides.values.mean(axis=0)).mean(axis=0).tolist()
    result |= {
        "oxides": len(rows),
        "compositions": len({row.formula for row in rows}),
        "crystals": len({(row.formula, row.prototype) for row in rows}),
        "spread": dict(zip(TARGETS, spread, strict=True)),
        "computed": computed,
        "provenance": describe_machine(),
    }
    if "descriptor" not in result:
        result["descriptor"] = descriptor()
    if device != "cpu" and "devices" not in result:
        result["devices"] = devices(spec, divisions(oxides, 0, SHARES[-1:]).popitem()[1])
    known = methods(spec, given.device)
    wanted = {name: networks if name in NETWORKS else repetitions for name in known}
    compare(result, oxides, known, wanted, shares, lambda so_far: write_json(given.out, so_far))
    write_json(given.out, result)
    if given.figure is not None:
        draw(result, given.figure)


if __name__ == "__main__":
    main()
