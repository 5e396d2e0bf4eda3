"""Molecular dynamics of an aluminium crystal: steps timed, and whether a trained potential keeps the energy."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from ase import Atoms, units
from ase.build import bulk
from ase.calculators.calculator import Calculator
from ase.md.velocitydistribution import Stationary, thermalize_momenta
from ase.md.verlet import VelocityVerlet

from tansaku.calculators.engines.lammps_session import load_lammps
from tansaku.models.domain.records import JsonDict
from tansaku.models.surrogates.files import read_weights
from tansaku.potentials.network.mliap_files import mliap_files
from tansaku.potentials.network.model import Potential

TEMPERATURE = 300.0
LATTICE = 4.0
TIMESTEP = 0.002
"""[ps]"""
REPEAT = (3, 3, 3)
PICOSECONDS = 10.0
_EVERY = 10
"""Steps between two samples."""


@dataclass(frozen=True)
class Timed:
    """Times of some steps, without the first one.

    Attributes:
        processor_s: Time of the processor, all threads together.
        wall_s: Wall time; longer if the machine is shared.
        drift: Change of the total energy [eV/atom], None for single evaluations.
    """

    atoms: int
    steps: int
    processor_s: float
    wall_s: float
    drift: float | None

    def document(self) -> JsonDict:
        """Returns the measurement as plain data, with the system's size."""
        return {"atom_steps_per_second": self.atoms * self.steps / self.processor_s, **asdict(self)}


def crystal(repeat: tuple[int, int, int]) -> Atoms:
    """A crystal of aluminium, in the middle of its motion at 300 K."""
    atoms: Atoms = bulk("Al", "fcc", a=LATTICE, cubic=True) * repeat
    rng = np.random.default_rng(0)
    thermalize_momenta(atoms, 2 * TEMPERATURE, rng=rng)
    Stationary(atoms)
    return atoms


def in_ase(calculator: Calculator, atoms: Atoms, steps: int) -> Timed:
    """Steps at constant energy by a calculator of ASE."""
    atoms = atoms.copy()
    atoms.calc = calculator
    dynamics = VelocityVerlet(atoms, timestep=1000 * TIMESTEP * units.fs)
    dynamics.run(1)
    before = atoms.get_total_energy()
    wall, processor = time.perf_counter(), time.process_time()
    dynamics.run(steps)
    spent = time.process_time() - processor, time.perf_counter() - wall
    return Timed(len(atoms), steps, *spent, abs(atoms.get_total_energy() - before) / len(atoms))


def in_lammps(pair: Sequence[str], atoms: Atoms, steps: int) -> Timed:
    """Steps at constant energy by LAMMPS.

    Args:
        pair: Commands that choose the potential.
        atoms: In a rectangular cell.
        steps: How many are timed.
    """
    lammps = load_lammps().lammps(cmdargs=["-log", "none", "-screen", "none", "-nocite"])
    lx, ly, lz = (float(length) for length in atoms.cell.lengths())
    setup = ("units metal", "atom_modify map array", f"region all block 0 {lx!r} 0 {ly!r} 0 {lz!r}", "create_box 1 all")
    for command in (*setup, *pair, "mass 1 26.9815385", "neighbor 1.0 bin", f"timestep {TIMESTEP}"):
        lammps.command(command)
    # ASE's unit of velocity to Å/ps.
    velocities = atoms.get_velocities() * 1000 * units.fs
    numbers = list(range(1, len(atoms) + 1))
    lammps.create_atoms(len(atoms), numbers, [1] * len(atoms), atoms.positions.ravel().tolist(), velocities.ravel().tolist())
    for command in ("fix moving all nve", "thermo_modify norm no", "run 1 post no"):
        lammps.command(command)
    before = lammps.get_thermo("etotal")
    wall, processor = time.perf_counter(), time.process_time()
    lammps.command(f"run {steps} pre no post no")
    spent = time.process_time() - processor, time.perf_counter() - wall
    drift = abs(lammps.get_thermo("etotal") - before) / len(atoms)
    lammps.close()
    return Timed(len(atoms), steps, *spent, drift)


def exported(file: Path, atoms: Atoms, steps: int) -> Timed:
    """Steps of a network potential by LAMMPS's ML-IAP."""
    model = Potential.from_weights(read_weights(file))
    with tempfile.TemporaryDirectory(prefix="tansaku-") as folder:
        for name, text in mliap_files(model, "al").items():
            Path(folder, name).write_text(text)
        style = f"pair_style mliap model nn {folder}/al.mliap.model descriptor sna {folder}/al.mliap.descriptor"
        return in_lammps((style, "pair_coeff * * Al"), atoms, steps)


def at_constant_energy(calculator: Calculator, picoseconds: float = PICOSECONDS) -> JsonDict:
    """A crystal of 108 atoms that begins in the middle of its motion at 300 K.

    Args:
        calculator: Moves the atoms.
        picoseconds: For so long [ps].

    Returns:
        Largest deviation of the total energy from its first value [meV/atom], the mean temperature of the second half [K], the
        root mean square distance of the atoms from their sites, on average over the second half [Å].
    """
    atoms = crystal(REPEAT)
    sites = atoms.positions.copy()
    atoms.calc = calculator
    dynamics = VelocityVerlet(atoms, timestep=1000 * TIMESTEP * units.fs)
    looks: list[tuple[float, float, float]] = []

    def look() -> None:
        apart = np.sqrt(((atoms.positions - sites) ** 2).sum(axis=1).mean())
        looks.append((float(atoms.get_total_energy()), float(atoms.get_temperature()), float(apart)))

    dynamics.attach(look, interval=_EVERY)
    dynamics.run(round(picoseconds / TIMESTEP))
    energies, temperatures, distances = np.array(looks).T
    second = slice(len(looks) // 2, None)
    return {
        "atoms": len(atoms),
        "picoseconds": picoseconds,
        "largest_drift_mev_per_atom": float(1000.0 * np.abs(energies - energies[0]).max() / len(atoms)),
        "temperature": float(temperatures[second].mean()),
        "displacement": float(distances[second].mean()),
    }
