"""Waves of single scattering by shells of atoms, with amplitudes and phases that Feff computed.

The fine structure of one atom at mean distance R with the mean square displacement ``sigma2`` is

    chi(k) = S0^2 Im F(k) exp(2 i p R + i phi(k) - 2 p^2 sigma2 - 4 i p sigma2 / R) / (q R^2),

with ``q^2 = k^2 - E0 / 3.81 eV A^2``, and the complex momentum ``p = real[p] + i / lambda``. The term with ``sigma2 / R``
corrects the mean of ``exp(2 i p R) / R^2``. It is the equation that larch uses (Newville, doi:10.1088/1742-6596/430/1/012007),
written so that amplitude and phase vary slowly with R: between several distances at which Feff was run they are interpolated,
outside of them the nearest one holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.constants import angstrom, electron_volt, hbar, m_e
from scipy.interpolate import CubicSpline

from tansaku.models.averaging.subsets import FloatArray
from tansaku.models.domain.errors import ConfigurationError

SQUARE_PER_ENERGY = 2.0 * m_e * electron_volt * angstrom**2 / hbar**2
"""Square of a wavenumber per energy [1/(A^2 eV)], 0.2625."""

Reals = NDArray[np.floating[Any]]
"""Real numbers of single or double precision."""

_SAME = 0.02  # relative difference of mean free paths of one Feff run
_SMALLEST = 1e-3  # of q [1/A]


@dataclass(frozen=True, eq=False)
class FeffPath:
    """Single scattering by one atom, from a file feffNNNN.dat.

    Attributes:
        absorber: Chemical symbol.
        scatterer: Chemical symbol.
        distance: Half the length of the path [A].
        k: Wavenumber of the photoelectron above the Fermi level, rising [1/A], (n,).
        amplitude: Of the effective scattering [A], times the reduction by central-atom losses, (n,).
        phase: Of scatterer and absorber [rad], (n,).
        momentum: Real part of the complex momentum [1/A], (n,).
        free_path: Mean free path [A], (n,).
    """

    name: str
    absorber: str
    scatterer: str
    distance: float
    k: FloatArray
    amplitude: FloatArray
    phase: FloatArray
    momentum: FloatArray
    free_path: FloatArray


@dataclass(frozen=True, eq=False)
class Scatterer:
    """One element that scatters, by Feff paths of different lengths.

    Attributes:
        paths: Rising by distance.
    """

    paths: tuple[FeffPath, ...]

    @property
    def element(self) -> str:
        """Chemical symbol."""
        return self.paths[0].scatterer

    @cached_property
    def _splines(self) -> tuple[CubicSpline, ...]:
        """Functions of k: momentum and inverse of the free path, then amplitude and slow phase of each path."""
        first = self.paths[0]
        splines = [CubicSpline(first.k, first.momentum), CubicSpline(first.k, 1.0 / first.free_path)]
        before: FloatArray | None = None
        for path in self.paths:
            slow = path.phase + 2.0 * (path.k - path.momentum) * path.distance
            if before is not None:
                # Phases of two files may differ by whole turns.
                middle = np.interp(path.k[-1] / 2.0, path.k, slow) - np.interp(path.k[-1] / 2.0, first.k, before)
                slow = slow - 2.0 * np.pi * np.round(middle / (2.0 * np.pi))
            else:
                before = slow
            splines += [CubicSpline(path.k, path.amplitude), CubicSpline(path.k, slow)]
        return tuple(splines)

    def wave(self, k: FloatArray, energy: float | FloatArray) -> Wave:
        """The wave at wavenumbers [1/A] whose zero of energy is shifted [eV]; shapes are broadcast."""
        square = k**2 - energy * SQUARE_PER_ENERGY
        q = np.sqrt(np.maximum(square, _SMALLEST**2))
        momentum, inverse, *rest = (spline(q) for spline in self._splines)
        distances = np.array([path.distance for path in self.paths])
        return Wave(q, momentum + 1j * inverse, distances, np.array(rest[::2]), np.array(rest[1::2]))


@dataclass(frozen=True, eq=False)
class Wave:
    """A scatterer's wave at given wavenumbers.

    Attributes:
        q: Wavenumber above the zero of energy [1/A], (n_points,).
        momentum: Complex [1/A], (n_points,).
        distances: Of the Feff paths [A], (n_paths,).
        amplitudes: (n_paths, n_points).
        phases: The slow part, (n_paths, n_points).
    """

    q: FloatArray
    momentum: np.ndarray
    distances: FloatArray
    amplitudes: FloatArray
    phases: FloatArray

    def columns(self, distance: FloatArray, variance: FloatArray) -> FloatArray:
        """The fine structure of one atom per shell.

        Args:
            distance: [A], (...).
            variance: Mean square displacement along the path [A^2], (...).

        Returns:
            (..., n_points).
        """
        place = np.interp(distance, self.distances, np.arange(len(self.distances)))
        left = np.minimum(place.astype(np.int64), max(0, len(self.distances) - 2))
        right, share = np.minimum(left + 1, len(self.distances) - 1), (place - left)[..., None]
        amplitude = (1.0 - share) * self.amplitudes[left] + share * self.amplitudes[right]
        phase = (1.0 - share) * self.phases[left] + share * self.phases[right]
        r, spread = distance[..., None], variance[..., None]
        return fine_structure(self.q, self.momentum, amplitude, phase, r, spread)


def fine_structure(
    q: Reals, momentum: np.ndarray, amplitude: Reals, phase: Reals, distance: Reals, variance: Reals
) -> FloatArray:
    """The fine structure of one atom, by the equation above in real numbers; all shapes are broadcast."""
    real, imaginary, mean = momentum.real, momentum.imag, distance - 2.0 * variance / distance
    damping = -2.0 * (imaginary * mean + (real**2 - imaginary**2) * variance)
    turn = 2.0 * real * (mean - 2.0 * imaginary * variance) + phase
    return np.asarray(amplitude * np.exp(damping) * np.sin(turn) / (q * distance**2))


def scatterers_of(paths: Sequence[FeffPath]) -> tuple[Scatterer, ...]:
    """Paths by element, each by distance.

    Raises:
        ConfigurationError: There are none, absorbers differ, two files are of one distance, or free paths differ.
    """
    if not paths:
        raise ConfigurationError("no Feff file is given: expected at least one")
    other = [path for path in paths if path.absorber != paths[0].absorber]
    if other:
        raise ConfigurationError(
            f"{other[0].name}: absorber {other[0].absorber}, in {paths[0].name} {paths[0].absorber}; expected one absorber"
        )
    found = []
    for element in sorted({path.scatterer for path in paths}):
        own = sorted((path for path in paths if path.scatterer == element), key=lambda path: path.distance)
        for first, second in pairwise(own):
            if second.distance - first.distance < 1e-3:
                raise ConfigurationError(f"{first.name} and {second.name}: both are of {element} at {first.distance:g} A")
        for path in own[1:]:
            expected = np.interp(path.k, own[0].k, own[0].free_path)
            if np.abs(path.free_path / expected - 1.0).max() > _SAME:
                raise ConfigurationError(
                    f"{path.name}: other mean free paths than {own[0].name}; expected files of one run of Feff"
                )
        found.append(Scatterer(tuple(own)))
    return tuple(found)
