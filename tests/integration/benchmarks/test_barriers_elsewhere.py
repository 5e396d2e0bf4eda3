"""Barriers of committed surfaces in one, two and three dimensions, against other programs on the same grids."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy.ndimage import label

from benchmarks.paths.hosts import HOSTS, surface_values
from tansaku.models.domain.pool import FloatArray
from tansaku.models.engine.percolation import bottleneck

UNEQUAL = ("li-fepo4", "li-tio2-rutile")
"""Hosts whose barriers in one, two and three dimensions are not all equal."""


def known(name: str) -> tuple[FloatArray, tuple[float, float, float]]:
    """Energies on the unfolded grid [eV], infinite inside atoms, and the product's barriers."""
    host = next(host for host in HOSTS if host.name == name)
    space = host.space()
    values = surface_values(host, space)
    assert values is not None
    grid = space.pool().grids[space.pool().systems[0]]
    energies = np.where(grid.members >= 0, values[grid.members], np.inf).reshape(grid.shape)
    return energies, bottleneck(values, grid).barriers


def directions(flooded: np.ndarray, start: tuple[int, ...]) -> int:
    """In how many directions the region with ``start`` joins its own images; a block of three cells each way stands for all."""
    labels, _ = label(np.tile(flooded, (3, 3, 3)), structure=np.ones((3, 3, 3)))
    cells = np.array(list(product(range(3), repeat=3)))
    places = np.array(start) + cells * np.array(flooded.shape)
    marks = labels[tuple(places.T)]
    joined = [
        second - first for first, a in zip(cells, marks, strict=True) for second, b in zip(cells, marks, strict=True) if a == b
    ]
    return int(np.linalg.matrix_rank(np.array(joined)))


def by_halving(energies: FloatArray, dimensions: int) -> float:
    """The lowest energy above the minimum at which the minimum's region leads in so many directions [eV]."""
    start = tuple(int(part) for part in np.unravel_index(np.argmin(energies), energies.shape))
    levels = np.unique(energies[np.isfinite(energies)])
    low, high = 0, len(levels) - 1
    while low < high:
        middle = (low + high) // 2
        if directions(energies <= levels[middle], start) >= dimensions:
            high = middle
        else:
            low = middle + 1
    return float(levels[low] - energies.min())


@pytest.mark.parametrize("name", UNEQUAL)
def test_labelled_regions_of_a_block_of_cells_percolate_at_the_same_energies(name):
    energies, barriers = known(name)
    assert len(set(barriers)) > 1
    assert [by_halving(energies, dimensions) for dimensions in (1, 2, 3)] == pytest.approx(barriers, abs=1e-12)


@pytest.mark.parametrize("name", UNEQUAL)
def test_bvlain_finds_the_same_barriers(name, require):
    require("bvlain")
    from bvlain import Lain

    energies, barriers = known(name)
    other = Lain(verbose=False)
    # Its own energies are bond-valence sums; its search for percolation takes any. It halves an interval down to 0.01 eV.
    other.data, other.size = np.where(np.isfinite(energies), energies, 100.0).ravel(), list(energies.shape)
    found = other.percolation_barriers()
    assert [found[f"E_{dimensions}D"] for dimensions in (1, 2, 3)] == pytest.approx(barriers, abs=0.011)
