"""Superposed electron densities of free atoms at a crystal's sites: a field that needs no calculation.

Its Fourier coefficients are sums of the atoms' form factors, what X-rays see of a crystal first.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from ase.data import atomic_numbers
from ase.units import Bohr

from tansaku.models.domain.errors import FitError, installed
from tansaku.models.domain.pool import FloatArray
from tansaku.potentials.features.voxels import (
    BraggPeaks,
    ComplexArray,
    VoxelGrid,
    reciprocal_indices,
    reciprocal_vectors,
    without_zeros,
)

if TYPE_CHECKING:
    from ase import Atoms

_AT_ONCE = 8192


@cache
def scattering_parameters() -> Mapping[str, FloatArray]:
    """Amplitudes [Å] and exponents [Å^2] of Gaussians that add up to an element's electron scattering factor, by symbol.

    Raises:
        MissingComponentError: pymatgen, whose table it is, is not installed.
    """
    with installed("the form factors of free atoms need pymatgen", hint="pip install 'tansaku[composition]'"):
        from pymatgen.analysis.diffraction.xrd import ATOMIC_SCATTERING_PARAMS
    return {symbol: np.array(rows) for symbol, rows in ATOMIC_SCATTERING_PARAMS.items()}


def form_factor(symbol: str, lengths: FloatArray) -> FloatArray:
    """Fourier transform of a free atom's electron density by the Mott-Bethe formula.

    The scattering factors are those of Doyle and Turner 1968 (doi:10.1107/S0567739468000756) and others that were fitted alike.

    Args:
        symbol: Of the element.
        lengths: Of wave vectors, 2π included [1/Å].

    Returns:
        Electrons, shape of ``lengths``; the atomic number at 0.

    Raises:
        FitError: The table has not this element.
        MissingComponentError: pymatgen is not installed.
    """
    parameters = scattering_parameters().get(symbol)
    if parameters is None:
        raise FitError(f"no form factor of {symbol} is known")
    squares = (np.asarray(lengths) / (4.0 * np.pi)) ** 2
    scattering = np.exp(-squares[..., None] * parameters[:, 1]) @ parameters[:, 0]
    return np.asarray(atomic_numbers[symbol] - 8.0 * np.pi**2 * Bohr * squares * scattering)


def free_atom_peaks(structure: Atoms, resolution: float) -> BraggPeaks:
    """Fourier coefficients of the field [1/Å^3].

    Args:
        structure: Periodic in all directions.
        resolution: Wave vectors up to π over this count [Å].

    Raises:
        FitError: An element has no form factor.
        MissingComponentError: pymatgen is not installed.
    """
    cell = structure.cell.array
    waves = reciprocal_vectors(reciprocal_indices(cell, VoxelGrid(resolution).cut), cell)
    lengths = np.linalg.norm(waves, axis=1)
    symbols = np.array(structure.get_chemical_symbols())
    amplitudes: ComplexArray = np.zeros(len(waves), dtype=np.complex128)
    for symbol in sorted(set(symbols.tolist())):
        places = structure.positions[symbols == symbol].T
        phases = [np.exp(-1j * some @ places).sum(axis=1) for some in np.array_split(waves, len(waves) // _AT_ONCE + 1)]
        amplitudes += form_factor(symbol, lengths) * np.concatenate(phases)
    amplitudes /= structure.get_volume()
    return without_zeros(waves, amplitudes, float(np.abs(amplitudes).max()))
