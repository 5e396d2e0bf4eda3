"""Bulk modulus from energies of a crystal at several volumes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from ase.units import GPa

from tansaku.models.domain.errors import CalculationError

if TYPE_CHECKING:
    from ase import Atoms

    from tansaku.models.domain.pool import FloatArray
    from tansaku.models.domain.ports import Calculator

_STRAINS = np.linspace(-0.02, 0.02, 7)
_WORST = 0.02
"""Largest deviation of the fit relative to the range of the energies."""


def bulk_modulus(calculator: Calculator, crystal: Atoms) -> float:
    """Curvature of the energy against volume at its minimum, all edges scaled alike and scaled positions kept [GPa].

    The energies are fitted by the third-order equation of Birch, Phys. Rev. 71, 809 (1947), doi:10.1103/PhysRev.71.809. A
    crystal whose scaled positions are not fixed by symmetry is stiffer so than with relaxed positions.

    Args:
        crystal: Near the volume of its smallest energy: within 2 % in its edges.

    Raises:
        CalculationError: The smallest energy is not between the volumes (``no_minimum``), or the equation does not fit.
    """
    volumes, energies = [], []
    for strain in _STRAINS:
        scaled = crystal.copy()
        scaled.calc = None
        scaled.set_cell(crystal.cell.array * (1.0 + strain), scale_atoms=True)
        volumes.append(scaled.get_volume())
        energies.append(calculator.evaluate(scaled).energy)
    return _fitted(np.array(volumes), np.array(energies))


def _fitted(volumes: FloatArray, energies: FloatArray) -> float:
    from scipy.optimize import least_squares

    middle = float(volumes[np.argmin(energies)])
    guess = np.polyfit(volumes / middle, energies, 2)
    if guess[0] <= 0:
        raise CalculationError("no_minimum", "the energy has no minimum between 0.94 and 1.06 of the crystal's volume")
    start = [energies.min(), 1.0, 2 * guess[0], 4.0]
    found = least_squares(
        lambda parameters: _birch(volumes / middle, *parameters) - energies, start, x_scale=np.abs(start) + 0.1
    )
    at, curvature = found.x[1] * middle, found.x[2]
    if not volumes[0] < at < volumes[-1]:
        raise CalculationError(
            "no_minimum", f"the energy is smallest at {at / volumes[len(volumes) // 2]:.3f} of the crystal's volume; relax it"
        )
    if np.abs(found.fun).max() > _WORST * np.ptp(energies) or curvature <= 0:
        raise CalculationError("no_fit", "the energies at several volumes are not those of one phase")
    return float(curvature / middle / GPa)


def _birch(volumes: FloatArray, lowest: float, at: float, modulus: float, slope: float) -> FloatArray:
    """The equation, with volumes and the modulus in units of one volume."""
    eta = (at / volumes) ** (2.0 / 3.0)
    return np.asarray(
        lowest + 9.0 * at * modulus / 16.0 * ((eta - 1.0) ** 3 * slope + (eta - 1.0) ** 2 * (6.0 - 4.0 * eta)), dtype=np.float64
    )
