"""Molecular dynamics of an aluminium crystal by a trained potential: whether it holds together and keeps its energy."""

from __future__ import annotations

import numpy as np
from ase import units
from ase.calculators.calculator import Calculator
from ase.md.verlet import VelocityVerlet

from benchmarks.potential_speed.dynamics import TIMESTEP, crystal
from tansaku.models.domain.records import JsonDict

REPEAT = (3, 3, 3)
PICOSECONDS = 10.0
_EVERY = 10
"""Steps between two looks."""


def at_constant_energy(calculator: Calculator, picoseconds: float = PICOSECONDS) -> JsonDict:
    """A crystal of 108 atoms that begins in the middle of its motion at 300 K.

    Args:
        calculator: Moves the atoms.
        picoseconds: For so long [ps].

    Returns:
        How far the total energy ever is from what it was at first [meV/atom], the mean temperature of the second half [K], the
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
