"""Checks whether a relaxed state still has the intended sites and bonds."""

from __future__ import annotations

import numpy as np
from ase import Atoms
from ase.geometry import find_mic

from tansaku.calculators.structures.framework import check_framework
from tansaku.calculators.workflows.migration.supercell import Supercell
from tansaku.models.domain.errors import CalculationError
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
