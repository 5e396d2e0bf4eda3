"""``python -m benchmarks.relaxation --out result.json``: our evaluations beside a bare LAMMPS script.

Both relax the same starts (unrelaxed [110] tilt boundaries of aluminium, grains held) at fixed cell with the same minimiser
and threshold. The script is what one would write by hand: clear, read the structure, read the potential, minimise. Ours also
takes energies per atom, forces and stress of the end. The two are run in turns; each counts with its fastest round.
ratio_to_bare_lammps = ours_s / bare_s; energies_agree_ev is the largest difference of the final energies.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.io import write

from benchmarks.command import command
from tansaku.calculators.calculator_registry import open_calculator
from tansaku.calculators.engines.lammps_session import load_lammps
from tansaku.calculators.engines.potentials import EamPotential, resolve_potential
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.calculators.lammps import LammpsSpec
from tansaku.models.domain.specs.grain_boundary import BoundarySelectionSpec, CrystalSpec, GrainBoundarySpaceSpec
from tansaku.models.domain.specs.relaxation import RelaxationSpec
from tansaku.spaces.space_registry import open_space
from tansaku.tasks.node.jobs.machine import describe_machine

SPACE = GrainBoundarySpaceSpec(
    crystal=CrystalSpec(structure="fcc", element="Al", lattice_parameter=4.05),
    boundaries=BoundarySelectionSpec(max_sigma=33, angles=(20.0, 160.0)),
)
POTENTIALS = ("NiAlH_jea.eam.alloy", "Al_mm.eam.fs")
RELAXATION = RelaxationSpec()
FULL, QUICK = 100, 12
ROUNDS = 3


def starts(count: int) -> list[Atoms]:
    """Unrelaxed structures of candidates drawn at random, the same ones in every run."""
    space = open_space(SPACE, Path())
    ids = np.random.default_rng(0).choice(space.pool().ids, count, replace=False)
    return [space.structure(str(item)) for item in ids]


def bare_script(structures: Sequence[Atoms], potential: EamPotential, folder: Path) -> Path:
    """Writes structures and an input script that relaxes them one after the other and prints their energies."""
    lines = []
    for number, atoms in enumerate(structures):
        data = folder / f"{number}.data"
        write(data, atoms, format="lammps-data", atom_style="atomic", specorder=["Al"])
        held = " ".join(str(index + 1) for index in np.flatnonzero(atoms.arrays["held"]))
        lines += [
            "clear",
            "units metal",
            "atom_style atomic",
            "atom_modify map array sort 0 0",
            "boundary p p p",
            f'read_data "{data}"',
            f"pair_style {potential.style}",
            f'pair_coeff * * "{potential.path}" Al',
            "neighbor 1.0 bin",
            "neigh_modify delay 0 every 1 check yes",
            f"group held id {held}",
            "fix held held setforce 0 0 NULL",
            "thermo_modify norm no",
            "min_style cg",
            "min_modify norm max",
            f"minimize 0 {RELAXATION.fmax} {RELAXATION.max_steps} {10 * RELAXATION.max_steps}",
            "variable energy equal pe",
            f'print "$(v_energy:%20.15g)" {"file" if number == 0 else "append"} "{folder / "energies"}" screen no',
        ]
    script = folder / "in.bare"
    script.write_text("\n".join(lines) + "\n")
    return script


def measure(name: str, structures: Sequence[Atoms]) -> JsonDict:
    """Times of both with one potential."""
    spec = LammpsSpec(potential=name)
    calculator = open_calculator(spec, Path())
    calculator.evaluate(structures[0])
    lammps = load_lammps().lammps(cmdargs=["-log", "none", "-screen", "none", "-nocite"])
    ours, bare = [], []
    with tempfile.TemporaryDirectory() as folder:
        script = bare_script(structures, resolve_potential(spec, Path()), Path(folder))
        for _ in range(ROUNDS):
            begin = time.perf_counter()
            energies = [calculator.evaluate(atoms, RELAXATION).energy for atoms in structures]
            middle = time.perf_counter()
            lammps.file(str(script))
            bare.append(time.perf_counter() - middle)
            ours.append(middle - begin)
        expected = np.loadtxt(Path(folder, "energies"))
    lammps.close()
    calculator.close()
    return {
        "potential": name,
        "ours_s": min(ours),
        "bare_s": min(bare),
        "ratio_to_bare_lammps": min(ours) / min(bare),
        "ours_ms_each": 1000 * min(ours) / len(structures),
        "energies_agree_ev": float(np.abs(expected - energies).max()),
    }


def main() -> None:
    """Entry of the command."""
    parser = command("relaxation", __doc__, quick="fewer structures: whether it works, not how fast")
    arguments = parser.parse_args()
    structures = starts(QUICK if arguments.quick else FULL)
    runs = [measure(name, structures) for name in POTENTIALS]
    result = {
        "schema_version": 1,
        "provenance": describe_machine(),
        "quick": arguments.quick,
        "structures": len(structures),
        "mean_atoms": float(np.mean([len(atoms) for atoms in structures])),
        "ratio_to_bare_lammps": max(run["ratio_to_bare_lammps"] for run in runs),
        "runs": runs,
    }
    arguments.out.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps({key: result[key] for key in ("ratio_to_bare_lammps", "runs")}, indent=2))


if __name__ == "__main__":
    main()
