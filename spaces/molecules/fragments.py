"""Fragments of known molecules, and molecules that are joined from them.

Bonds are those of BRICS (https://doi.org/10.1002/cmdc.200800178), which a synthesis may make; two parts are joined only where
BRICS has such a bond.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from tansaku.models.features.molecules import Molecule, load_rdkit, molecule_of, sanitized


@dataclass(frozen=True, eq=False)
class Group:
    """A part with one open bond, which is single.

    Attributes:
        molecule: Its atoms.
        atom: Which of them has the open bond.
    """

    molecule: Molecule
    atom: int


class Parts:
    """The parts of some molecules.

    Args:
        known: SMILES of the molecules.
    """

    def __init__(self, known: Iterable[str]) -> None:
        brics = load_rdkit("rdkit.Chem.BRICS")
        found: set[str] = set()
        for smiles in known:
            molecule = molecule_of(smiles)
            if any(True for _ in brics.FindBRICSBonds(molecule)):
                found |= set(brics.BRICSDecompose(molecule, minFragmentSize=1))
        self.smiles: tuple[str, ...] = tuple(sorted(smiles for smiles in found if "*" in smiles))
        """SMILES of the parts; ``[n*]`` are open bonds of BRICS's kind n."""
        self._molecules = [load_rdkit().MolFromSmiles(smiles) for smiles in self.smiles]
        self._ends = [frozenset(label for _, label in _open_ends(molecule)) for molecule in self._molecules]

    @property
    def groups(self) -> tuple[Group, ...]:
        """The parts with one open bond that is single."""
        molecules = (molecule for molecule in self._molecules if len(_open_ends(molecule)) == 1)
        return tuple(found for molecule in molecules if (found := _group(molecule)) is not None)

    def joined(self, most: int, rng: np.random.Generator) -> Molecule | None:
        """Joins several parts to a molecule; None if that fails.

        Args:
            most: Most parts.
            rng: Chooses them. Open bonds that are left get a hydrogen.
        """
        if not self.smiles:
            return None
        wanted = int(rng.integers(2, most + 1)) if most > 1 else 1
        built = self._molecules[int(rng.integers(len(self._molecules)))]
        for _ in range(wanted - 1):
            ends = _open_ends(built)
            pairs = [(end, part) for end, label in ends for part in self._fitting(label)]
            if not pairs:
                break
            end, part = pairs[int(rng.integers(len(pairs)))]
            built = _with_part(built, end, self._molecules[part])
        return _closed(built)

    def _fitting(self, label: int) -> Sequence[int]:
        wanted = _partners().get(label, frozenset())
        return [place for place, ends in enumerate(self._ends) if wanted & ends]


@cache
def _partners() -> dict[int, frozenset[int]]:
    """Compatible kinds of open single bonds, by kind."""
    found: dict[int, set[int]] = {}
    for several in load_rdkit("rdkit.Chem.BRICS").reactionDefs:
        for first, second, bond in several:
            if bond == "-":
                found.setdefault(int(first), set()).add(int(second))
                found.setdefault(int(second), set()).add(int(first))
    return {label: frozenset(others) for label, others in found.items()}


def _open_ends(molecule: Molecule) -> list[tuple[int, int]]:
    """Positions and kinds of the open bonds."""
    return [(atom.GetIdx(), atom.GetIsotope()) for atom in molecule.GetAtoms() if not atom.GetAtomicNum()]


def _with_part(built: Molecule, end: int, part: Molecule) -> Molecule:
    """Joins a part at an open bond, by the first of its own that fits."""
    chem = load_rdkit()
    fits = _partners()[built.GetAtomWithIdx(end).GetIsotope()]
    other = next(place for place, label in _open_ends(part) if label in fits)
    joined = chem.RWMol(chem.CombineMols(built, part))
    offset = built.GetNumAtoms()
    first = joined.GetAtomWithIdx(end).GetNeighbors()[0].GetIdx()
    second = joined.GetAtomWithIdx(offset + other).GetNeighbors()[0].GetIdx()
    joined.AddBond(first, second, chem.BondType.SINGLE)
    for dummy in sorted((end, offset + other), reverse=True):
        joined.RemoveAtom(dummy)
    return joined


def _closed(built: Molecule) -> Molecule | None:
    """Puts a hydrogen at every open bond; a double one becomes an end of a carbon chain with two."""
    edited = load_rdkit().RWMol(built)
    for dummy, _ in sorted(_open_ends(edited), reverse=True):
        edited.RemoveAtom(dummy)
    return edited if sanitized(edited) and edited.GetNumAtoms() else None


def _group(molecule: Molecule) -> Group | None:
    chem = load_rdkit()
    dummy = next(atom for atom in molecule.GetAtoms() if not atom.GetAtomicNum())
    bond = dummy.GetBonds()[0]
    if bond.GetBondTypeAsDouble() != 1.0:
        return None
    edited = chem.RWMol(molecule)
    place, end = dummy.GetIdx(), dummy.GetNeighbors()[0].GetIdx()
    edited.RemoveAtom(place)
    return Group(edited.GetMol(), end - (end > place))
