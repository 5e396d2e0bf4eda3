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

from typing import get_args

import numpy as np

from benchmarks.command import begun, command
from benchmarks.voxel.comparison import TEST_SHARE, compare, divisions
from benchmarks.voxel.data import FILE, INTENSIVE, TARGETS, read
from benchmarks.voxel.features import Oxides
from benchmarks.voxel.figure import draw
from benchmarks.voxel.methods import NETWORKS, methods
from benchmarks.voxel.speed import descriptor, devices
from tansaku.models.domain.identifiers import file_sha256
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.surrogates import DeviceChoice
from tansaku.models.surrogates.torch_device import torch_device
from tansaku.potentials.specs.voxel_network import VoxelNetworkSpec
from tansaku.tasks.node.jobs.machine import describe_machine
from tansaku.tasks.node.jobs.spool_files import write_json

SHARES = (0.25, 0.5, 1.0)
NETWORK = VoxelNetworkSpec(properties=TARGETS, intensive=INTENSIVE)
QUICK_NETWORK = NETWORK.model_copy(update={"members": 1, "epochs": 1, "rotations": 1, "views": 1})


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
