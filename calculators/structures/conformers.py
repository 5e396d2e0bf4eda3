"""Conformers of a molecule."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tansaku.models.domain.errors import CalculationError
from tansaku.models.domain.pool import FloatArray
from tansaku.models.features.molecules import Molecule, load_rdkit, molecule_of

KCAL_PER_MOL = 0.0433641
"""[eV]"""

SEED = 7
"""Seed of the distance geometry."""


@dataclass(frozen=True, eq=False)
class Conformers:
    """A molecule with its conformers, the best first.

    Attributes:
        molecule: With explicit hydrogens.
        symbols: Elements of the atoms.
        positions: (n_conformers, n_atoms, 3) [Å].
        energies: Above the best, by the force field [eV], (n_conformers,).
    """

    molecule: Molecule
    symbols: tuple[str, ...]
    positions: FloatArray
    energies: FloatArray

    @property
    def bonds(self) -> frozenset[tuple[int, int]]:
        """Pairs of atoms that are bonded, the lower number first."""
        pairs = ((bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()) for bond in self.molecule.GetBonds())
        return frozenset((min(pair), max(pair)) for pair in pairs)


def conformers_of(smiles: str, most: int) -> Conformers:
    """Conformers by distance geometry (ETKDG, doi:10.1021/acs.jcim.5b00654), relaxed by the force field MMFF94, or UFF.

    Raises:
        NotFoundError: RDKit cannot read it.
        CalculationError: RDKit finds no coordinates (``no_coordinates``).
        MissingComponentError: RDKit is not installed.
    """
    molecule = load_rdkit().AddHs(molecule_of(smiles))
    shapes = load_rdkit("rdkit.Chem.AllChem")
    options = shapes.ETKDGv3()
    options.randomSeed, options.pruneRmsThresh = SEED, 0.2
    with load_rdkit("rdkit.rdBase").BlockLogs():
        found = list(shapes.EmbedMultipleConfs(molecule, most, options))
        if not found:
            raise CalculationError("no_coordinates", f"{smiles}: RDKit finds no coordinates")
        mmff = shapes.MMFFHasAllMoleculeParams(molecule)
        relaxed = shapes.MMFFOptimizeMoleculeConfs if mmff else shapes.UFFOptimizeMoleculeConfs
        energies = np.array([energy for _, energy in relaxed(molecule, maxIters=2000)]) * KCAL_PER_MOL
    order = np.argsort(energies, kind="stable")
    positions = np.array([molecule.GetConformer(int(found[i])).GetPositions() for i in order])
    symbols = tuple(atom.GetSymbol() for atom in molecule.GetAtoms())
    return Conformers(molecule, symbols, positions, energies[order] - energies.min())
