"""Checks whether a relaxed state still has the intended sites and bonds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from ase import Atoms
from ase.geometry import find_mic
from ase.neighborlist import neighbor_list

from tansaku.calculators.structures.parent import Bonds, first_shells
from tansaku.calculators.workflows.migration.supercell import Supercell
from tansaku.models.domain.errors import CalculationError, ConfigurationError
from tansaku.models.domain.pool import FloatArray, IntArray

_FAR = 1.2
"""Displacement after which an atom of the framework has left its place, where no bonds are known [Å]."""


def check_host(built: Atoms, relaxed: Atoms, mobile: str) -> None:
    """Raises unless a relaxed crystal has the framework it was built with.

    Args:
        built: With the arrays ``site`` and ``oxidation_state``, else nothing is known of its bonds.
        relaxed: Same atoms.
        mobile: Name of the site whose atoms are no part of the framework.

    Raises:
        CalculationError: ``framework``: a bond was broken or made.
    """
    if has_bonds(built):
        found = check_framework(built, relaxed, mobile_site=mobile)
        if not found.intact:
            raise CalculationError("framework", f"the crystal's framework did not survive its relaxation: {found.message}")


def check_state(supercell: Supercell, state: Atoms, kept: IntArray, free: int | None, sites: tuple[int, ...]) -> None:
    """Raises unless every atom is where a state with one vacancy or one ion more, or with one on its way, has it.

    Args:
        supercell: With every site occupied, voids too.
        state: Relaxed.
        kept: Index in the supercell of each of its atoms.
        free: Position in ``kept`` of the ion that is on its way, which may be anywhere.
        sites: Indices of the mobile ions, or of the voids, in the host.

    Raises:
        CalculationError: ``drift``: an ion is nearer to another site than to its own; ``framework``: an atom of the framework
            has left its place.
    """
    full = supercell.atoms
    mobile = np.isin(np.arange(len(full)) % len(supercell.host), sites)
    places = full.positions[mobile]
    own = np.cumsum(mobile) - 1
    for position in np.flatnonzero(mobile[kept]):
        if position == free:
            continue
        distances = _distances(state.positions[position] - places, full)
        if int(distances.argmin()) != own[kept[position]]:
            raise CalculationError(
                "drift",
                f"{state.symbols[position]} {int(kept[position])} went {distances[own[kept[position]]]:.2f} Å from its site "
                f"and is {distances.min():.2f} Å from another",
            )
    rest = ~mobile[kept]
    if has_bonds(full):
        name = str(full.arrays["site"][np.flatnonzero(mobile)[0]])
        found = check_framework(full, state, mobile_site=name)
        if not found.intact:
            raise CalculationError("framework", f"the framework broke: {found.message}")
        rest &= full.arrays["site"][kept] == name
    if rest.any():
        moved = _distances(state.positions[rest] - full.positions[kept[rest]], full)
        if moved.max() > _FAR:
            raise CalculationError("framework", f"an atom of the framework went {moved.max():.2f} Å from its place")


def has_bonds(atoms: Atoms) -> bool:
    """Returns whether the structure names its sites and oxidation states, from which its bonds follow."""
    return "site" in atoms.arrays and "oxidation_state" in atoms.arrays


def _distances(vectors: FloatArray, atoms: Atoms) -> FloatArray:
    return np.asarray(find_mic(vectors, atoms.cell, pbc=True)[1])


_STRETCH = 1.5
"""A bond longer than this factor of its length as built is broken, whatever else is near."""


@dataclass(frozen=True)
class FrameworkCheck:
    """Result of comparing the framework's polyhedra before and after a relaxation.

    Attributes:
        problems: One line per polyhedron that is not what it was, e.g. ``P4 (X) lost O12``; empty when all are intact.
        coordination: Bonds of each framework cation in the relaxed structure, by index.
        longest: Largest ratio of a bond's length to its length as built.
    """

    problems: tuple[str, ...]
    coordination: dict[int, int]
    longest: float

    @property
    def intact(self) -> bool:
        """Whether every polyhedron has the anions it was built with, and no other."""
        return not self.problems

    @property
    def message(self) -> str:
        """All problems in one line."""
        return "; ".join(self.problems)


def check_framework(reference: Atoms, relaxed: Atoms, *, mobile_site: str = "A", stretch: float = _STRETCH) -> FrameworkCheck:
    """Compares the cation–anion bonds of a relaxed structure with those it was built with.

    Every framework cation keeps its polyhedron when the anions of its first shell in ``reference`` are still its nearest
    ones and none of the bonds is longer than ``stretch`` times its length there. In a tavorite that means XO4 tetrahedra,
    MO4Z2 octahedra and Z between two M. Mobile ions are left out of both structures, so cells with vacancies,
    interstitials or an ion on its way can be compared with the full one.

    Args:
        reference: Structure as built, or the relaxed host; with the arrays ``site`` and ``oxidation_state``.
        relaxed: Framework atoms in the same order, wrapped or not, any cell near the reference's.
        mobile_site: Atoms of this site are no part of the framework.
        stretch: See above.

    Raises:
        ConfigurationError: An array is missing, or the framework atoms are not the same.
    """
    before, after = _framework(reference, mobile_site), _framework(relaxed, mobile_site)
    if before.numbers.tolist() != after.numbers.tolist():
        raise ConfigurationError(
            f"framework of {before.get_chemical_formula()} cannot be compared with {after.get_chemical_formula()}: "
            "expected the same atoms in the same order"
        )
    charges = np.asarray(before.arrays["oxidation_state"])
    bonds = first_shells(before, charges)
    after = _unwrapped(after, before)
    ratio = bonds.lengths(after) / bonds.lengths(before)
    shells = _nearest(after, charges, bonds)
    names = [f"{symbol}{index}" for index, symbol in enumerate(before.get_chemical_symbols())]
    problems: list[str] = []
    for cation in np.unique(bonds.cations):
        mine = bonds.cations == cation
        wanted = {(int(anion), *map(int, cell)) for anion, cell in zip(bonds.anions[mine], bonds.cells[mine], strict=True)}
        lost = [names[key[0]] for key in sorted(wanted - shells[int(cation)])]
        gained = [names[key[0]] for key in sorted(shells[int(cation)] - wanted)]
        long = [names[int(anion)] for anion in bonds.anions[mine & (ratio > stretch)] if names[int(anion)] not in lost]
        where = f"{names[int(cation)]} ({before.arrays['site'][cation]})"
        if lost or gained:
            problems.append(f"{where} lost {', '.join(lost) or 'nothing'} and gained {', '.join(gained) or 'nothing'}")
        elif long:
            problems.append(f"{where} is {ratio[mine].max():.2f} times as far from {', '.join(long)} as built")
    return FrameworkCheck(
        problems=tuple(problems),
        coordination={int(cation): len(shell) for cation, shell in sorted(shells.items())},
        longest=float(ratio.max(initial=0.0)),
    )


def _framework(atoms: Atoms, mobile_site: str) -> Atoms:
    missing = [name for name in ("site", "oxidation_state") if name not in atoms.arrays]
    if missing:
        raise ConfigurationError(f"the structure has no array {missing[0]!r}: its framework is unknown")
    bare = atoms.copy()
    bare.set_constraint()  # one that holds a symmetry cannot lose atoms
    kept: Atoms = bare[np.asarray(atoms.arrays["site"]) != mobile_site]
    return kept


def _unwrapped(atoms: Atoms, reference: Atoms) -> Atoms:
    """The same structure with every atom in the image nearest to its place in the reference."""
    fractions = atoms.get_scaled_positions(wrap=False)
    moved = fractions - reference.get_scaled_positions(wrap=False)
    near: Atoms = atoms.copy()
    near.set_scaled_positions(fractions - np.rint(moved))
    return near


def _nearest(atoms: Atoms, charges: IntArray | FloatArray, bonds: Bonds) -> dict[int, set[tuple[int, ...]]]:
    """Finds for each cation as many of its nearest anions as it has bonds, as (index, cell)."""
    lengths = bonds.lengths(atoms)
    first, second, distances, cells = neighbor_list("ijdS", atoms, float(lengths.max(initial=0.1)) + 1e-6)
    shells: dict[int, set[tuple[int, ...]]] = {}
    for cation in np.unique(bonds.cations):
        mine = (first == cation) & (charges[second] < 0)
        order = np.argsort(distances[mine], kind="stable")[: int((bonds.cations == cation).sum())]
        shells[int(cation)] = {
            (int(anion), *map(int, cell)) for anion, cell in zip(second[mine][order], cells[mine][order], strict=True)
        }
    return shells
