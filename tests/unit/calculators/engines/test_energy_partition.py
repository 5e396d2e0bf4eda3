"""Parts of an energy against lattice sums and integrals that are known."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from tansaku.calculators.engines.energy_partition import COULOMB, hartree_energy, ion_energy, partition

WIGNER_CUBIC = 2.837297
"""Madelung constant of a cubic lattice of equal charges in a uniform background, energy -e² α / 2 a each."""
WIGNER_BCC = 3.639233
CELL = np.array([[5.0, 0.0, 0.0], [1.0, 5.5, 0.0], [0.0, -0.7, 6.0]])


def waves(cell, shape):
    """1 + cos(g·r) + 2 sin(h·r) with g, h = the first and second reciprocal vectors."""
    x, y, _ = np.meshgrid(*(np.arange(n) / n for n in shape), indexing="ij")
    return 1.0 + np.cos(2 * np.pi * x) + 2.0 * np.sin(2 * np.pi * y)


def test_the_hartree_energy_of_plane_waves():
    reciprocal = 2 * np.pi * np.linalg.inv(CELL).T
    squares = (reciprocal**2).sum(axis=1)
    volume = np.linalg.det(CELL)
    expected = 2 * np.pi * volume * COULOMB * (2 * 0.5**2 / squares[0] + 2 * 1.0**2 / squares[1])
    assert hartree_energy(waves(CELL, (12, 14, 15)), CELL) == pytest.approx(expected)
    assert hartree_energy(waves(CELL, (21, 20, 25)), CELL) == pytest.approx(expected)


def test_the_hartree_energy_of_a_gaussian_far_from_its_images():
    width, length, n = 0.6, 12.0, 60
    axis = (np.arange(n) / n - 0.5) * length
    radius2 = np.add.outer(np.add.outer(axis**2, axis**2), axis**2)
    density = np.exp(-radius2 / (2 * width**2)) / (2 * np.pi * width**2) ** 1.5
    found = hartree_energy(density, length * np.eye(3))
    # In the background of a cube, the charge's interaction with its images and the size of the charge count too.
    alone = COULOMB / (2 * np.sqrt(np.pi) * width)
    images = -COULOMB * WIGNER_CUBIC / (2 * length) + 2 * np.pi * COULOMB * width**2 / length**3
    assert found == pytest.approx(alone + images, abs=1e-5)


@pytest.mark.parametrize(("charge", "edge"), [(1.0, 3.0), (6.0, 4.2)])
def test_the_energy_of_equal_charges(charge, edge):
    cubic = Atoms("H", cell=3 * [edge], pbc=True)
    assert ion_energy(cubic, [charge]) == pytest.approx(-COULOMB * charge**2 * WIGNER_CUBIC / (2 * edge), rel=1e-5)
    twice = cubic.repeat((2, 1, 1))
    assert ion_energy(twice, [charge] * 2) == pytest.approx(2 * ion_energy(cubic, [charge]), rel=1e-6)
    body = bulk("Fe", "bcc", edge, cubic=True)
    assert ion_energy(body, [charge] * 2) == pytest.approx(-COULOMB * charge**2 * WIGNER_BCC / edge, rel=1e-5)


def test_the_energy_of_opposite_charges_is_the_madelung_energy():
    salt = bulk("NaCl", "rocksalt", 5.64)
    assert ion_energy(salt, [1.0, -1.0]) == pytest.approx(-COULOMB * 1.747565 / (5.64 / 2), rel=1e-5)


def test_the_parts_add_up():
    density = waves(CELL, (12, 14, 15))
    atoms = Atoms("HLi", scaled_positions=[(0, 0, 0), (0.5, 0.4, 0.6)], cell=CELL, pbc=True)
    found = partition(-7.0, atoms, density, [1.0, 2.0], -3.0)
    assert found["eigenvalue_energy"] == -3.0
    total = found["eigenvalue_energy"] - found["hartree_energy"] + found["delta_xc_energy"] + found["ion_ion_energy"]
    assert total == pytest.approx(-7.0)
