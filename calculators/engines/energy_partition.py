"""The energy of valence electrons in parts, from a density on a grid and charges at points.

E = Σ ε_i - E_H + ΔE_xc + E_I, where ΔE_xc is the exchange-correlation energy less the integral of its potential times the
density (Kajita et al. 2017, doi:10.1038/s41598-017-17299-w). Everything is periodic: the mean of each charge is left out, as
if a uniform background of the other sign went with it.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np
from ase.units import Bohr, Hartree

from tansaku.models.domain.errors import installed
from tansaku.models.domain.pool import FloatArray

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase import Atoms

COULOMB = Hartree * Bohr
"""e² / 4πε₀ [eV Å]"""


PARTS = ("hartree_energy", "ion_ion_energy", "eigenvalue_energy", "delta_xc_energy", "cohesive_energy", "band_gap")
"""Names of the parts of an energy, and of quantities beside them, that a calculator returns [eV]."""


def hartree_energy(density: FloatArray, cell: FloatArray) -> float:
    """Electrostatic energy of a density with itself, 2π V e²/4πε₀ Σ_{g≠0} |ρ(g)|² / g² [eV].

    Args:
        density: Electrons on a grid over the cell [1/Å^3], shape ``(n_1, n_2, n_3)``.
        cell: Lattice vectors in rows [Å].
    """
    from scipy.fft import fftfreq, fftn

    coefficients = fftn(density) / density.size
    indices = np.stack(np.meshgrid(*(fftfreq(n, 1.0 / n) for n in density.shape), indexing="ij"), axis=-1)
    squares = ((indices @ (2.0 * np.pi * np.linalg.inv(cell).T)) ** 2).sum(axis=-1)
    squares[0, 0, 0] = np.inf
    volume = abs(float(np.linalg.det(cell)))
    return float(2.0 * np.pi * volume * COULOMB * (np.abs(coefficients) ** 2 / squares).sum())


def ion_energy(structure: Atoms, charges: Sequence[float]) -> float:
    """Electrostatic energy of point charges with each other [eV], by an Ewald sum.

    Args:
        structure: Periodic.
        charges: Of the atoms [e].

    Raises:
        MissingComponentError: pymatgen is not installed.
    """
    check_ewald()
    from pymatgen.analysis.ewald import EwaldSummation
    from pymatgen.core.structure import Structure

    points = Structure(structure.cell.array, structure.get_chemical_symbols(), structure.get_scaled_positions())
    points.add_oxidation_state_by_site([float(charge) for charge in charges])
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Per atom terms|.*charged", UserWarning)  # the background is meant
        return float(EwaldSummation(points).total_energy)


def check_ewald() -> None:
    """Raises MissingComponentError when pymatgen is not installed."""
    with installed("calculator.partition: the energy of the ions needs pymatgen", hint="pip install 'tansaku[composition]'"):
        import pymatgen.analysis.ewald  # noqa: F401


def partition(
    energy: float, structure: Atoms, density: FloatArray, charges: Sequence[float], eigenvalues: float
) -> dict[str, float]:
    """Returns the parts of an energy by name [eV].

    Args:
        energy: Total energy [eV]. The exchange-correlation part is the remainder, so it contains the code's zero of energy.
        structure: Periodic.
        density: Valence electrons on a grid [1/Å^3].
        charges: Charges of the atoms without their valence electrons [e].
        eigenvalues: Sum of the occupied one-electron energies [eV].
    """
    hartree = hartree_energy(density, structure.cell.array)
    ions = ion_energy(structure, charges)
    return {
        "hartree_energy": hartree,
        "ion_ion_energy": ions,
        "eigenvalue_energy": eigenvalues,
        "delta_xc_energy": energy - eigenvalues + hartree - ions,
    }
