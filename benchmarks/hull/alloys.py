"""Ordered crystals of two metals on the sites of an fcc lattice, with energies by effective-medium theory."""

from __future__ import annotations

from itertools import product

import numpy as np
from ase import Atoms
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.neighborlist import neighbor_list

from tansaku.models.domain.pool import CandidatePool, Compositions, FeatureGroup, FloatArray

_SHELLS = (np.sqrt(0.5), 1.0, np.sqrt(1.5), np.sqrt(2.0))
_STRAINS = np.array([-0.03, -0.015, 0.0, 0.015, 0.03])


def orderings(first: str, second: str, longest: int = 2) -> tuple[list[Atoms], FloatArray]:
    """Crystals in cells of one and more cubes whose pairs of neighbours differ, each metal alone among them.

    Args:
        first: Chemical symbol of a metal.
        second: Of the other.
        longest: Cubes in the longest cell.

    Returns:
        The crystals, edges between those of the metals, and mean products of spins at a site and in the first shells around it,
        the site itself first, shape ``(n_crystals, 5)``.
    """
    found: dict[tuple[float, ...], Atoms] = {}
    edges = [float(bulk(symbol, "fcc", cubic=True).cell[0, 0]) for symbol in (first, second)]
    for repeat in range(1, longest + 1):
        cell = bulk("X", "fcc", a=1.0, cubic=True).repeat((repeat, 1, 1))
        pairs = [neighbor_list("ij", cell, radius + 0.05) for radius in _SHELLS]
        for spins in product((-1.0, 1.0), repeat=len(cell)):
            spin = np.array(spins)
            within = [0.0, *(float((spin[i] * spin[j]).sum()) for i, j in pairs)]
            counts = [1, *(len(i) for i, _ in pairs)]
            shells = np.diff(within) / np.diff([0, *counts[1:]])
            key = (float(spin.mean()), *np.round(shells, 6).tolist())
            if key not in found:
                crystal = cell.copy()
                crystal.symbols = [first if value < 0 else second for value in spins]
                share = 0.5 + 0.5 * spin.mean()
                crystal.set_cell(cell.cell * (edges[0] + share * (edges[1] - edges[0])), scale_atoms=True)
                found[key] = crystal
    return list(found.values()), np.array(list(found))


def energies(crystals: list[Atoms]) -> FloatArray:
    """Lowest energy of each under isotropic strain, by a parabola of fourth order [eV/atom], shape ``(n_crystals,)``."""
    found = []
    for crystal in crystals:
        values = []
        for strain in _STRAINS:
            strained = crystal.copy()
            strained.set_cell(crystal.cell * (1.0 + strain), scale_atoms=True)
            strained.calc = EMT()
            values.append(strained.get_potential_energy() / len(crystal))
        fine = np.linspace(_STRAINS[0], _STRAINS[-1], 601)
        found.append(np.polyval(np.polyfit(_STRAINS, values, 4), fine).min())
    return np.array(found)


def shares_of(crystals: list[Atoms]) -> FloatArray:
    """Atomic shares of the elements, in alphabetical order, shape ``(n_crystals, n_elements)``."""
    names = [crystal.get_chemical_symbols() for crystal in crystals]
    return np.array([[symbols.count(name) / len(symbols) for name in _elements(crystals)] for symbols in names])


def pool_of(crystals: list[Atoms], columns: FloatArray) -> CandidatePool:
    """The crystals as candidates that compete with each other alone."""
    elements, codes = _elements(crystals), np.zeros(len(crystals), dtype=np.intp)
    names = ("share", *(f"shell{number + 1}" for number in range(columns.shape[1] - 1)))
    return CandidatePool(
        ids=np.array([f"c{number:04d}" for number in range(len(crystals))]),
        systems=("all",),
        system_codes=codes,
        surfaces=("all",),
        surface_codes=codes,
        groups={"order": FeatureGroup.compact("order", columns, np.arange(len(crystals)), names)},
        cost=np.ones(len(crystals)),
        compositions=Compositions(elements, shares_of(crystals), lambda: (np.empty((0, len(elements))), np.empty(0))),
    )


def _elements(crystals: list[Atoms]) -> tuple[str, ...]:
    return tuple(sorted({symbol for crystal in crystals for symbol in crystal.get_chemical_symbols()}))
