"""Other ions on the sites of a parent structure, in a cell scaled to their radii."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from ase import Atoms
from ase.geometry import get_distances

from tansaku.calculators.structures.ion_data import ionic_radius
from tansaku.calculators.structures.parent import Parent
from tansaku.models.domain.ions import HYDROXIDE, Ion
from tansaku.models.domain.pool import FloatArray

HYDROGEN_DISTANCE = 0.97
"""O–H distance of a hydroxide as built [Å]."""


def length_factor(parent: Parent, ions: Mapping[str, Ion]) -> float:
    """Factor by which the parent's cell vectors are scaled: the mean over its bonds of the sum of radii, new to old.

    A bond counts with its strength in the parent, charge over coordination (Pauling's second rule), because strong bonds
    set the size of the framework and the mobile ion hardly does.
    """
    totals = {id(chosen): 0.0 for chosen in (ions, parent.ions)}
    for site, other, count in _bond_kinds(parent):
        weight = count * parent.ions[site].charge / parent.coordination(site)
        for chosen in (ions, parent.ions):
            totals[id(chosen)] += weight * sum(ionic_radius(chosen[name], parent.coordination(name)) for name in (site, other))
    return totals[id(ions)] / totals[id(parent.ions)]


def substitute(parent: Parent, ions: Mapping[str, Ion]) -> Atoms:
    """Puts ions on the sites of a parent.

    Fractional coordinates are the parent's; the cell is scaled by :func:`length_factor`. A hydroxide is an oxygen on the
    site and, as a further atom, a hydrogen that points away from the cations around it.

    Args:
        ions: One ion for each of its sites.

    Returns:
        Atoms in the parent's order, hydrogens behind them, with the arrays ``site`` (name, ``H`` for hydrogen) and
        ``oxidation_state`` and the infos ``parent``, ``mobile_site`` and ``mobile_ion`` where one is mobile.
    """
    cell = parent.cell * length_factor(parent, ions)
    atoms = Atoms([ions[site].element for site in parent.sites], scaled_positions=parent.fractions, cell=cell, pbc=True)
    sites = list(parent.sites)
    charges = [-2 if ions[site] == HYDROXIDE else ions[site].charge for site in parent.sites]
    hydroxides = [index for index, site in enumerate(parent.sites) if ions[site] == HYDROXIDE]
    if hydroxides:
        hydrogens = [atoms.positions[index] + HYDROGEN_DISTANCE * _outward(parent, atoms, index) for index in hydroxides]
        atoms += Atoms("H" * len(hydrogens), positions=hydrogens)
        sites += ["H"] * len(hydrogens)
        charges += [1] * len(hydrogens)
    atoms.set_array("site", np.array(sites))
    atoms.set_array("oxidation_state", np.array(charges, dtype=int))
    atoms.info["parent"] = parent.name
    if parent.mobile is not None:
        atoms.info |= {"mobile_site": parent.mobile, "mobile_ion": str(ions[parent.mobile])}
    return atoms


def _bond_kinds(parent: Parent) -> list[tuple[str, str, int]]:
    """Kinds of bonds by the sites they join, and how many there are."""
    names = np.array(parent.sites)
    pairs = list(zip(names[parent.bonds.cations].tolist(), names[parent.bonds.anions].tolist(), strict=True))
    return [(site, other, pairs.count((site, other))) for site, other in dict.fromkeys(pairs)]


def _outward(parent: Parent, atoms: Atoms, anion: int) -> FloatArray:
    """Direction in which a hydrogen on an anion is farthest from all cations, shape ``(3,)``.

    Only directions made of those of the bonds are tried, so that equivalent anions get equivalent hydrogens.
    """
    bonds = parent.bonds
    mine = bonds.anions == anion
    towards = atoms.positions[bonds.cations[mine]] - bonds.cells[mine] @ atoms.cell[:] - atoms.positions[anion]
    units = towards / np.linalg.norm(towards, axis=1, keepdims=True)
    pairs = [(units[i], units[j]) for i in range(len(units)) for j in range(i)]
    tried = [-units.sum(axis=0), *-units, *(-(a + b) for a, b in pairs)]
    tried += [sign * np.cross(a, b) for a, b in pairs for sign in (1.0, -1.0)]
    directions = np.array([direction / np.linalg.norm(direction) for direction in tried if np.linalg.norm(direction) > 1e-3])
    cations = np.array([parent.ions[site].charge > 0 for site in parent.sites])
    ends = atoms.positions[anion] + HYDROGEN_DISTANCE * directions
    distances = get_distances(ends, atoms.positions[: len(cations)][cations], cell=atoms.cell, pbc=True)[1]
    return np.asarray(directions[int(np.argmax(np.round(distances.min(axis=1), 6)))])
