"""The energy of GPAW's valence electrons in parts, which it does not print itself."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from ase.units import Hartree

from tansaku.calculators.engines.energy_partition import partition

_PARTLY = 0.01
"""Part of a band by which the electrons of a spin may miss a whole number: smearing and rounding."""


def gpaw_partition(calculator: Any, energy: float, xc: str) -> dict[str, float]:  # noqa: ANN401 - untyped
    """Hartree, ion-ion, one-electron, exchange-correlation and cohesive energy [eV].

    The density is the smooth one with its compensation charges, which holds the valence electrons. One-electron energies have
    GPAW's own zero. The total energy that is divided is the one since all valence electrons were far away
    (:func:`valence_energy`). The cohesive energy is the energy of GPAW's reference atoms (neutral, spherical, without spin)
    less the crystal's.

    Args:
        calculator: GPAW's, converged.
        energy: Total energy as GPAW gives it, relative to its reference atoms [eV].
        xc: The functional.
    """
    found = calculator.dft.densities().pseudo_densities().gather(broadcast=True).data
    density = np.asarray(found.sum(axis=0) if found.ndim == 4 else found, dtype=np.float64)
    atoms = calculator.atoms
    charges = [float(setup.Nv) for setup in calculator.dft.setups]
    eigenvalues = float(calculator.dft.energies._energies["band"] * Hartree)
    absolute = energy + sum(valence_energy(symbol, xc) for symbol in atoms.get_chemical_symbols())
    return {
        **partition(absolute, atoms, density, charges, eigenvalues),
        "cohesive_energy": -energy,
    }


def gpaw_gap(calculator: Any) -> dict[str, float]:  # noqa: ANN401 - untyped
    """The gap between the highest occupied and the lowest empty band [eV], over the k-points that were computed.

    It is 0 for a metal, and where the number of electrons of a spin leaves a band half filled, which GPAW itself rounds to a
    full one. Empty where no empty band was computed.

    Args:
        calculator: GPAW's, converged.
    """
    electrons, moment = float(calculator.get_number_of_electrons()), float(calculator.dft.magmoms()[0][2])
    filled = [(electrons + moment) / 2, (electrons - moment) / 2]
    if any(abs(bands - round(bands)) > _PARTLY for bands in filled):
        return {"band_gap": 0.0}
    highest, lowest = (float(level) for level in calculator.get_homo_lumo())
    return {"band_gap": max(0.0, lowest - highest)} if np.isfinite(lowest) else {}


def valence_electrons(symbol: str, xc: str) -> int:
    """Number of valence electrons in GPAW's setup of an atom."""
    from gpaw.setup_data import SetupData

    return int(SetupData(symbol, xc).Nv)


@lru_cache(maxsize=256)
def valence_energy(symbol: str, xc: str) -> float:
    """Energy of GPAW's reference atom since its valence electrons were far away [eV]: its total energy less that of its core.

    The core's density is frozen, so this is the sum of the ionisation energies but for how the core relaxes.
    """
    from gpaw.setup_data import SetupData
    from gpaw.xc import XC

    setup = SetupData(symbol, xc)
    radial = setup.rgd
    core = setup.nc_g / np.sqrt(4.0 * np.pi)
    electrostatic = 0.5 * radial.integrate(core * radial.poisson(core), -1) - setup.Z * radial.integrate(core, -1)
    exchange = XC(xc).calculate_spherical(radial, core[np.newaxis].copy(), np.zeros((1, len(core))))
    ion = setup.e_kinetic_core + electrostatic + (exchange if setup.Nc else 0.0)
    return float((setup.e_total - ion) * Hartree)
