"""Descriptors of a molecule without the ion: of its formula and graph by RDKit, of its relaxed geometry and electrons by xTB.

Nothing here knows of Li⁺: what a descriptor costs is one relaxation of the free molecule, or nothing.
"""

from __future__ import annotations

import numpy as np
from ase import Atoms
from tblite.interface import Calculator

from tansaku.calculators.workflows.ion_binding.binding import COULOMB, DONOR_DISTANCES
from tansaku.models.domain.pool import FloatArray
from tansaku.models.features.molecules import graph_descriptors, molecule_of

METHOD = "GFN2-xTB"
BOHR = 0.529177210903
HARTREE = 27.211386245988
"""[eV]"""

DEBYE = 2.541746473
"""e · Bohr [D]."""


def descriptors_of(smiles: str, free: Atoms) -> dict[str, float]:
    """All descriptors by name, with units in brackets.

    Args:
        smiles: The molecule.
        free: Its relaxed geometry.
    """
    return graph_descriptors(molecule_of(smiles)) | _electronic(free) | _shape(free)


def _electronic(free: Atoms) -> dict[str, float]:
    calculator = Calculator(METHOD, free.numbers, free.positions / BOHR)
    calculator.set("verbosity", 0)
    found = calculator.singlepoint()
    energies = np.sort(np.asarray(found.get("orbital-energies"))) * HARTREE
    occupied = round(float(np.asarray(found.get("orbital-occupations")).sum()) / 2.0)
    homo = float(energies[occupied - 1])
    # Few atoms have no empty orbital in a minimal basis (HF): the gap is then that to the vacuum.
    lumo = float(energies[occupied]) if occupied < len(energies) else 0.0
    charges = np.asarray(found.get("charges"))
    orders = np.asarray(found.get("bond-orders")).reshape(len(charges), len(charges), -1).sum(axis=2)
    donors = [i for i, symbol in enumerate(free.symbols) if symbol in DONOR_DISTANCES]
    negative = np.sort(charges[donors]) if donors else np.sort(charges)
    dipole = float(np.linalg.norm(np.asarray(found.get("dipole")))) * DEBYE
    most = int(np.argmin(charges))
    return {
        "homo [eV]": homo,
        "lumo [eV]": lumo,
        "gap [eV]": lumo - homo,
        "hardness_inverse [1/eV]": 2.0 / max(lumo - homo, 1e-3),
        "dipole [debye]": dipole,
        "charge_lowest [e]": float(negative[0]),
        "charge_second [e]": float(negative[1]) if len(negative) > 1 else 0.0,
        "charge_highest [e]": float(charges.max()),
        "charge_spread [e]": float(charges.std()),
        "bonds_of_lowest": float(orders[most].sum() - orders[most, most]),
        "quadrupole [e*bohr**2]": float(np.linalg.norm(np.asarray(found.get("quadrupole")))),
    } | _potential(free, charges)


def _potential(free: Atoms, charges: FloatArray) -> dict[str, float]:
    """Potential of the atomic charges, lowest and mean over a surface about the molecule."""
    radii = np.array([{"H": 1.9, "C": 2.4}.get(symbol, DONOR_DISTANCES.get(symbol, 2.4)) for symbol in free.symbols])
    steps = np.arange(80) + 0.5
    height, angle = 1.0 - 2.0 * steps / 80, np.pi * (1.0 + 5.0**0.5) * steps
    sphere = np.stack([np.sqrt(1 - height**2) * np.cos(angle), np.sqrt(1 - height**2) * np.sin(angle), height], axis=1)
    points = (free.positions[:, None, :] + radii[:, None, None] * sphere).reshape(-1, 3)
    distances = np.linalg.norm(points[:, None, :] - free.positions, axis=2)
    outside = (distances >= radii - 1e-9).all(axis=1)
    potential = COULOMB * (charges / distances[outside]).sum(axis=1)
    return {
        "potential_lowest [V]": float(potential.min()),
        "potential_highest [V]": float(potential.max()),
        "potential_spread [V]": float(potential.std()),
    }


def _shape(free: Atoms) -> dict[str, float]:
    donors = [i for i, symbol in enumerate(free.symbols) if symbol in DONOR_DISTANCES]
    places = free.positions[donors]
    apart = np.linalg.norm(places[:, None] - places[None], axis=2)[np.triu_indices(len(donors), 1)]
    centred = free.positions - free.get_center_of_mass()
    moments = np.linalg.eigvalsh(centred.T @ (free.get_masses()[:, None] * centred))
    return {
        "donors": float(len(donors)),
        "donor_pairs": float(((apart > 2.0) & (apart < 3.6)).sum()),
        "gyration [angstrom]": float(np.sqrt(moments.sum() / free.get_masses().sum())),
        "asphericity": float((moments[2] - 0.5 * (moments[0] + moments[1])) / max(float(moments.sum()), 1e-9)),
    }
