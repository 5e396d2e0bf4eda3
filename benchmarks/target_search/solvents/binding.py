"""Binding energy of Li⁺ and a molecule by GFN2-xTB (doi:10.1021/acs.jctc.8b01176)."""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from ase.optimize import LBFGS
from tblite.ase import TBLite

from benchmarks.target_search.solvents.geometry import Conformers, FloatArray, conformers_of, sites_of

METHOD = "GFN2-xTB"
KILOJOULE_PER_MOL = 96.48533212
"""1 eV [kJ/mol]."""

_FREE, _TRIED, _RELAXED = 2, 8, 3
_FORCE, _STEPS = 0.02, 300


@dataclass(frozen=True, eq=False)
class Binding:
    """A bound Li⁺.

    Attributes:
        energy: E(Li⁺ + molecule) - E(molecule) - E(Li⁺), electronic, without zero-point energy [kJ/mol]; negative: bound.
        conformers: Of the molecule, as the force field gives them.
        free: The relaxed molecule.
        bound: The relaxed complex; the last atom is Li.
        coordination: Donor atoms within 2.4 Å of Li⁺ (2.8 Å for P, S and Cl).
        converged: Whether the relaxations of both ended.
    """

    energy: float
    conformers: Conformers
    free: Atoms
    bound: Atoms
    coordination: int
    converged: bool


def single_point(symbols: tuple[str, ...], positions: FloatArray, charge: int) -> Atoms:
    """Atoms with a calculator."""
    atoms = Atoms(symbols, positions)
    atoms.calc = TBLite(method=METHOD, charge=charge, verbosity=0)
    return atoms


def relaxed(atoms: Atoms) -> bool:
    """Relaxes in place; whether it converged."""
    return bool(LBFGS(atoms, logfile=os.devnull, maxstep=0.1).run(fmax=_FORCE, steps=_STEPS))


def ion_energy() -> float:
    """Energy of Li⁺ [eV]."""
    return float(single_point(("Li",), np.zeros((1, 3)), 1).get_potential_energy())


def binding_of(smiles: str) -> Binding:
    """Binds Li⁺ at the best of several places.

    The molecule's best two conformers are relaxed. Places of Li⁺ on all conformers are ranked by strain and electrostatics, the
    best eight by their energy, and the best three of these are relaxed.

    Args:
        smiles: The molecule.

    Raises:
        ValueError: RDKit cannot read it.
    """
    conformers = conformers_of(smiles)
    free = [single_point(conformers.symbols, positions, 0) for positions in conformers.positions[:_FREE]]
    ended = {id(atoms): relaxed(atoms) for atoms in free}
    best_free = min(free, key=lambda atoms: atoms.get_potential_energy())
    sites = sites_of(conformers, best_free.get_charges(), _TRIED)
    symbols = (*conformers.symbols, "Li")
    tried = [single_point(symbols, np.vstack([conformers.positions[site.conformer], site.place]), 1) for site in sites]
    tried.sort(key=lambda atoms: atoms.get_potential_energy())
    for atoms in tried[:_RELAXED]:
        ended[id(atoms)] = relaxed(atoms)
    bound = min(tried[:_RELAXED], key=lambda atoms: atoms.get_potential_energy())
    energy = bound.get_potential_energy() - best_free.get_potential_energy() - ion_energy()
    return Binding(
        float(energy) * KILOJOULE_PER_MOL,
        conformers,
        best_free,
        bound,
        _coordination(bound),
        ended[id(bound)] and ended[id(best_free)],
    )


def _coordination(bound: Atoms) -> int:
    distances = np.linalg.norm(bound.positions[:-1] - bound.positions[-1], axis=1)
    reach = {"N": 2.4, "O": 2.4, "F": 2.4, "P": 2.8, "S": 2.8, "Cl": 2.8}
    return sum(bool(distance < reach.get(symbol, 0.0)) for symbol, distance in zip(bound.symbols, distances, strict=False))
