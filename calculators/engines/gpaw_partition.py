"""The energy of GPAW's valence electrons in parts, which it does not print itself."""

from __future__ import annotations

from typing import Any

import numpy as np
from ase.units import Hartree

from tansaku.calculators.engines.energy_partition import partition


def gpaw_partition(calculator: Any, energy: float) -> dict[str, float]:  # noqa: ANN401 - untyped
    """Hartree, ion-ion, one-electron and exchange-correlation energy, cohesive energy and gap [eV].

    The density is the smooth one with its compensation charges, which holds the valence electrons. One-electron energies have
    GPAW's own zero. The cohesive energy is the energy of GPAW's reference atoms (neutral, spherical, without spin) less the
    crystal's; the gap is that of the k-points that were computed, 0 for a metal.

    Args:
        calculator: GPAW's, converged.
        energy: Total energy as GPAW gives it, relative to its reference atoms [eV].
    """
    found = calculator.dft.densities().pseudo_densities().gather(broadcast=True).data
    density = np.asarray(found.sum(axis=0) if found.ndim == 4 else found, dtype=np.float64)
    atoms = calculator.atoms
    charges = [float(setup.Nv) for setup in calculator.dft.setups]
    eigenvalues = float(calculator.dft.energies._energies["band"] * Hartree)
    highest, lowest = (float(level) for level in calculator.get_homo_lumo())
    return {
        **partition(energy, atoms, density, charges, eigenvalues),
        "cohesive_energy": -energy,
        "band_gap": max(0.0, lowest - highest),
    }
