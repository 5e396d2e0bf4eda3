"""``python -m benchmarks.potential.speed --out result.json``: how fast potentials of several kinds move atoms.

Molecular dynamics at constant energy of an aluminium crystal at 300 K, steps of 2 fs, one thread: an embedded-atom potential in
LAMMPS, a network of bispectrum components in LAMMPS (ML-IAP) and in this process, a network of symmetry functions in this
process (double and single precision), CHGNet. The networks are committees of four; LAMMPS computes their mean as one network.
CHGNet gets a smaller crystal (its memory grows with the number of bonds), and its steps are single evaluations of moved atoms.

atom_steps_per_second counts the processor's time, which others on the machine do not change; wall_s is beside it.

`learning`: processor times of the preparation of a training and of the choice of the next structures, for the crystals of
aluminium of ``benchmarks.potential``: building them, descriptors with all derivatives, the predictions of a version for all of
them, first (with neighbours and descriptors) and again, and a proposal.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import torch

from benchmarks.command import command
from benchmarks.potential.dynamics import Timed, crystal, exported, in_ase, in_lammps
from benchmarks.potential.speed.learning import learning
from tansaku.calculators.calculator_registry import open_calculator
from tansaku.calculators.engines.potentials import resolve_potential
from tansaku.models.domain.specs.calculators.chgnet import ChgnetSpec
from tansaku.models.domain.specs.calculators.lammps import LammpsSpec
from tansaku.models.surrogates.files import read_weights
from tansaku.potentials.engine import open_potential
from tansaku.potentials.network.model import Potential
from tansaku.tasks.node.jobs.machine import describe_machine
from tansaku.tasks.node.jobs.spool_files import write_json

HERE = Path(__file__).parent
EAM = "NiAlH_jea.eam.alloy"
LARGE, SMALL = (10, 10, 25), (5, 5, 5)
QUICK_LARGE, QUICK_SMALL = (3, 3, 3), (2, 1, 1)


def embedded_atom(repeat: tuple[int, int, int], steps: int) -> Timed:
    """The embedded-atom potential in LAMMPS."""
    found = resolve_potential(LammpsSpec(potential=EAM), Path())
    return in_lammps((f"pair_style {found.style}", f'pair_coeff * * "{found.path}" Al'), crystal(repeat), steps)


def universal(repeat: tuple[int, int, int], steps: int) -> Timed:
    """Evaluations by CHGNet."""
    atoms, rng = crystal(repeat), np.random.default_rng(1)
    calculator = open_calculator(ChgnetSpec(), Path())
    calculator.evaluate(atoms)
    wall, processor = time.perf_counter(), time.process_time()
    for _ in range(steps):
        atoms.positions += 0.02 * rng.normal(size=atoms.positions.shape)
        calculator.evaluate(atoms)
    return Timed(len(atoms), steps, time.process_time() - processor, time.perf_counter() - wall, None)


def cases(bispectrum: Path, symmetry: Path, *, quick: bool) -> Mapping[str, Callable[[], Timed]]:
    """Returns the measurements by name."""
    large, small = (QUICK_LARGE, QUICK_SMALL) if quick else (LARGE, SMALL)
    few = 2 if quick else 5
    return {
        "embedded atom, LAMMPS": lambda: embedded_atom(large, 10 if quick else 300),
        "bispectrum network, LAMMPS": lambda: exported(bispectrum, crystal(large), 4 if quick else 20),
        "bispectrum network": lambda: in_ase(open_potential(bispectrum), crystal(large), few),
        "symmetry-function network": lambda: in_ase(open_potential(symmetry), crystal(large), few),
        "symmetry-function network, single precision": lambda: in_ase(
            open_potential(symmetry, dtype="float32"), crystal(large), few
        ),
        "CHGNet": lambda: universal(small, 1 if quick else 2),
    }


def main() -> None:
    """Entry of the command."""
    parser = command("potential.speed", __doc__, quick="a small crystal and few steps: whether it works, not how fast")
    parser.add_argument("--bispectrum", type=Path, default=HERE / "al-bispectrum.safetensors", help="a trained potential")
    parser.add_argument("--symmetry", type=Path, default=HERE / "al-symmetry.safetensors", help="a trained potential")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    runs = {}
    for name, case in cases(arguments.bispectrum, arguments.symmetry, quick=arguments.quick).items():
        runs[name] = case().document()
        print(f"{name}: {runs[name]['atom_steps_per_second']:.3g} atoms x steps per second of {runs[name]['atoms']} atoms")
    files = {"symmetry_functions": arguments.symmetry, "bispectrum": arguments.bispectrum}
    models = {name: Potential.from_weights(read_weights(file)) for name, file in files.items()}
    most, proposals = (40, 5) if arguments.quick else (None, 100)
    result = {
        "schema_version": 2,
        "provenance": describe_machine(),
        "quick": arguments.quick,
        "runs": runs,
        "learning": learning(models, most, proposals),
    }
    print(json.dumps(result["learning"]))
    write_json(arguments.out, result)


if __name__ == "__main__":
    main()
