"""Edits of molecules: all molecules that differ from a given one by a single change of the graph."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tansaku.models.features.molecules import Molecule, canonical, load_rdkit, molecule_of, sanitized
from tansaku.spaces.molecules.fragments import Group

_RINGS = (3, 5, 6, 7)
"""Sizes of rings that an edit closes."""

Change = Callable[[Molecule], None]


@dataclass(frozen=True)
class Edits:
    """The edits that a space allows.

    Attributes:
        elements: That atoms are made of, besides hydrogen.
        groups: Parts that can be attached.
    """

    elements: tuple[str, ...]
    groups: tuple[Group, ...] = ()

    @cached_property
    def numbers(self) -> tuple[int, ...]:
        """Atomic numbers of the elements."""
        table = load_rdkit().GetPeriodicTable()
        return tuple(table.GetAtomicNumber(symbol) for symbol in self.elements)

    def neighbours(self, smiles: str) -> dict[str, tuple[str, ...]]:
        """SMILES of all molecules one edit away from a molecule, by kind of edit, in ascending order.

        Raises:
            NotFoundError: RDKit cannot read it.
        """
        molecule = molecule_of(smiles)
        return {
            kind: tuple(sorted({canonical(made) for change in list_() if (made := self._made(molecule, change)) is not None}))
            for kind, list_ in self._kinds(molecule).items()
        }

    def changed(self, molecule: Molecule, rng: np.random.Generator) -> Molecule | None:
        """The molecule after a random edit, with equal probability of each kind; None if the edit gives no molecule."""
        kinds = list(self._kinds(molecule).values())
        for place in rng.permutation(len(kinds)):
            if changes := kinds[int(place)]():
                return self._made(molecule, changes[int(rng.integers(len(changes)))])
        return None

    def _kinds(self, molecule: Molecule) -> dict[str, Callable[[], list[Change]]]:
        """The possible edits by kind, listed on demand."""
        free = [atom.GetIdx() for atom in molecule.GetAtoms() if _is_plain(atom) and atom.GetTotalNumHs()]
        single = [bond for bond in molecule.GetBonds() if _is_plain_bond(bond) and bond.GetBondTypeAsDouble() == 1.0]
        return {
            "add": lambda: [_add(atom, number) for atom in free for number in self.numbers],
            "attach": lambda: [_attach(atom, group) for atom in free for group in self.groups],
            "close": lambda: list(_closures(molecule, free)),
            "exchange": lambda: [
                _exchange(bond.GetIdx(), side, group)
                for bond in single
                if not bond.IsInRing()
                for side in (False, True)
                for group in self.groups
            ],
            "insert": lambda: [_insert(bond.GetIdx(), number) for bond in single for number in self.numbers],
            "open": lambda: [_open(bond.GetIdx()) for bond in single if bond.IsInRing()],
            "order": lambda: list(_orders(molecule)),
            "remove": lambda: [
                _remove(atom.GetIdx()) for atom in molecule.GetAtoms() if _is_plain(atom) and atom.GetDegree() <= 2
            ],
            "replace": lambda: list(_replacements(molecule, self.numbers)),
        }

    @staticmethod
    def _made(molecule: Molecule, change: Change) -> Molecule | None:
        """The result of a change; None if it is not a molecule."""
        chem = load_rdkit()
        edited = chem.RWMol(molecule)
        try:
            change(edited)
        except _Impossible:
            return None
        return edited if sanitized(edited) and edited.GetNumAtoms() and len(chem.GetMolFrags(edited)) == 1 else None


class _Impossible(Exception):  # noqa: N818 - no error: an edit that makes nothing
    """Raised for a change that the graph does not allow."""


def _is_plain(atom: Molecule) -> bool:
    return not atom.GetFormalCharge() and not atom.GetNumRadicalElectrons()


def _is_plain_bond(bond: Molecule) -> bool:
    return not bond.GetIsAromatic() and _is_plain(bond.GetBeginAtom()) and _is_plain(bond.GetEndAtom())


def _bind(molecule: Molecule, first: int, second: int) -> None:
    """Bonds two atoms, each of which loses an explicit hydrogen."""
    chem = load_rdkit()
    if first == second or molecule.GetBondBetweenAtoms(first, second) is not None:
        raise _Impossible
    molecule.AddBond(first, second, chem.BondType.SINGLE)
    for index in (first, second):
        atom = molecule.GetAtomWithIdx(index)
        atom.SetNumExplicitHs(max(0, atom.GetNumExplicitHs() - 1))


def _add(atom: int, number: int) -> Change:
    return lambda molecule: _bind(molecule, atom, molecule.AddAtom(load_rdkit().Atom(number)))


def _replacements(molecule: Molecule, numbers: Sequence[int]) -> Iterator[Change]:
    for atom in molecule.GetAtoms():
        for number in numbers:
            if _is_plain(atom) and atom.GetAtomicNum() != number:
                yield _replace(atom.GetIdx(), number)


def _replace(atom: int, number: int) -> Change:
    def change(molecule: Molecule) -> None:
        found = molecule.GetAtomWithIdx(atom)
        found.SetAtomicNum(number)
        found.SetNumExplicitHs(0)
        found.SetNoImplicit(False)

    return change


def _remove(atom: int) -> Change:
    """Removes an atom; the two neighbours of a chain atom are bonded."""

    def change(molecule: Molecule) -> None:
        neighbours = [other.GetIdx() for other in molecule.GetAtomWithIdx(atom).GetNeighbors()]
        if len(neighbours) == 2:
            _bind(molecule, *neighbours)
        molecule.RemoveAtom(atom)

    return change


def _insert(bond: int, number: int) -> Change:
    def change(molecule: Molecule) -> None:
        found = molecule.GetBondWithIdx(bond)
        ends = found.GetBeginAtomIdx(), found.GetEndAtomIdx()
        molecule.RemoveBond(*ends)
        between = molecule.AddAtom(load_rdkit().Atom(number))
        for end in ends:
            molecule.AddBond(end, between, load_rdkit().BondType.SINGLE)

    return change


def _orders(molecule: Molecule) -> Iterator[Change]:
    kinds = load_rdkit().BondType
    named = {1: kinds.SINGLE, 2: kinds.DOUBLE, 3: kinds.TRIPLE}
    for bond in molecule.GetBonds():
        order = int(bond.GetBondTypeAsDouble())
        for other in (order - 1, order + 1):
            if _is_plain_bond(bond) and other in named:
                yield _set_order(bond.GetIdx(), named[other])


def _set_order(bond: int, kind: object) -> Change:
    return lambda molecule: molecule.GetBondWithIdx(bond).SetBondType(kind)


def _closures(molecule: Molecule, free: Sequence[int]) -> Iterator[Change]:
    bonds = load_rdkit().GetDistanceMatrix(molecule)
    for place, first in enumerate(free):
        for second in free[place + 1 :]:
            if int(bonds[first, second]) + 1 in _RINGS:
                yield _close(first, second)


def _close(first: int, second: int) -> Change:
    return lambda molecule: _bind(molecule, first, second)


def _open(bond: int) -> Change:
    def change(molecule: Molecule) -> None:
        found = molecule.GetBondWithIdx(bond)
        molecule.RemoveBond(found.GetBeginAtomIdx(), found.GetEndAtomIdx())

    return change


def _attach(atom: int, group: Group) -> Change:
    def change(molecule: Molecule) -> None:
        offset = molecule.GetNumAtoms()
        molecule.InsertMol(group.molecule)
        _bind(molecule, atom, offset + group.atom)

    return change


def _exchange(bond: int, other_side: bool, group: Group) -> Change:
    """Cuts an acyclic bond and replaces one side by a group."""

    def change(molecule: Molecule) -> None:
        found = molecule.GetBondWithIdx(bond)
        ends = (found.GetBeginAtomIdx(), found.GetEndAtomIdx())
        kept, lost = ends[::-1] if other_side else ends
        molecule.RemoveBond(kept, lost)
        away = next(part for part in load_rdkit().GetMolFrags(molecule) if lost in part)
        _attach(kept, group)(molecule)
        for index in sorted(away, reverse=True):
            molecule.RemoveAtom(index)

    return change
