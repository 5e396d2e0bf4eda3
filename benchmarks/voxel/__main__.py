"""``python -m benchmarks.voxel --out result.json``: how well fields and points say the parts of an oxide's energy.

The oxides beside this file (``oxides.npz``, by the campaign of ``oxides.yaml``) are divided into training and test oxides at
random, all oxides of one composition on one side, again and again. Methods learn from some of the training oxides: kernels on
surroundings of atoms (SOAP) and on a Coulomb matrix with the constants of Kajita et al. 2017, their network on voxels of the
valence density (R3DVS) and of free atoms' electrons in its place, both kinds one after the other, a ridge on the power
spectrum, and one of ours that sees points and field. `mae`: target → method → number of training oxides → mean absolute error
of the test oxides [eV/atom; the gap: eV].
"""

from __future__ import annotations

import time
from collections import defaultdict

import numpy as np

from benchmarks.command import command
from benchmarks.voxel.data import FILE, TARGETS, read
from benchmarks.voxel.features import Oxides
from benchmarks.voxel.figure import draw
from benchmarks.voxel.methods import NETWORKS, Division, Places, methods
from tansaku.models.domain.identifiers import canonical_json, file_sha256
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.voxel_network import VoxelNetworkSpec
from tansaku.tasks.machine import describe_machine

TEST_SHARE = 80 / 680
"""As in the report."""
SHARES = (0.25, 0.5, 1.0)
NETWORK = VoxelNetworkSpec(properties=TARGETS)
QUICK_NETWORK = NETWORK.model_copy(update={"members": 2, "epochs": 2, "rotations": 2, "views": 2})


def divided(formulas: list[str], seed: int) -> tuple[Places, Places]:
    """Places of training and test oxides, both in random order; a composition is on one side."""
    rng = np.random.default_rng([seed, 0])
    names = sorted(set(formulas))
    wanted = max(1, round(TEST_SHARE * len(formulas)))
    held: set[str] = set()
    for name in rng.permutation(names):
        if sum(formula in held for formula in formulas) >= wanted:
            break
        held.add(str(name))
    order = rng.permutation(len(formulas))
    outside = np.array([formulas[place] in held for place in order])
    return order[~outside], order[outside]


def main() -> None:
    """Compares and writes what came out."""
    parser = command("voxel", __doc__, quick="two divisions, two small networks", figure="errors against training oxides")
    parser.add_argument("--repetitions", type=int, default=20, help="divisions for kernels")
    parser.add_argument("--networks", type=int, default=3, help="divisions for methods that train networks")
    given = parser.parse_args()
    repetitions, networks = (2, 1) if given.quick else (given.repetitions, given.networks)
    rows, told = read()
    oxides = Oxides(rows, told["valence_electrons"])
    formulas = [row.formula for row in rows]
    errors: dict[tuple[str, int], list[list[float]]] = defaultdict(list)
    seconds: dict[str, float] = defaultdict(float)
    known = methods(QUICK_NETWORK if given.quick else NETWORK)
    for seed in range(repetitions):
        training, test = divided(formulas, seed)
        for share in SHARES[-1:] if given.quick else SHARES:
            some = training[: max(8, round(share * len(training)))]
            size = max(8, round(share * len(rows) * (1.0 - TEST_SHARE)))
            for name, learn in known.items():
                if name in NETWORKS and seed >= networks:
                    continue
                begun = time.process_time()
                _, said = learn(Division(oxides, some, test, seed), oxides.values[some])
                seconds[name] += time.process_time() - begun
                errors[name, size].append(np.abs(said - oxides.values[test]).mean(axis=0).tolist())
        print(f"{seed + 1} of {repetitions}", flush=True)
    result = _result(errors) | {
        "schema_version": 1,
        "quick": given.quick,
        "oxides": len(rows),
        "compositions": len(set(formulas)),
        "spread": dict(zip(TARGETS, np.abs(oxides.values - oxides.values.mean(axis=0)).mean(axis=0).tolist(), strict=True)),
        "divisions": {"kernels": repetitions, "networks": networks},
        "cpu_seconds": dict(seconds),
        "data": {"file": FILE.name, "sha256": file_sha256(FILE)} | told,
        "provenance": describe_machine(),
    }
    given.out.write_text(canonical_json(result) + "\n")
    if given.figure is not None:
        draw(result, given.figure)


def _result(errors: dict[tuple[str, int], list[list[float]]]) -> JsonDict:
    found: JsonDict = {"mae": {}, "standard_error": {}}
    for place, target in enumerate(TARGETS):
        means: JsonDict = defaultdict(dict)
        spread: JsonDict = defaultdict(dict)
        for (name, size), several in errors.items():
            mine = np.array(several)[:, place]
            means[name][str(size)] = float(mine.mean())
            spread[name][str(size)] = float(mine.std(ddof=1) / np.sqrt(len(mine))) if len(mine) > 1 else 0.0
        found["mae"][target], found["standard_error"][target] = dict(means), dict(spread)
    return found


if __name__ == "__main__":
    main()
