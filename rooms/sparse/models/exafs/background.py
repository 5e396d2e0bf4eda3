"""Extraction of the fine structure chi(k) from an absorption spectrum: edge, normalisation and first smooth background."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tansaku.models.averaging.subsets import FloatArray
from tansaku.models.domain.errors import ConfigurationError
from tansaku.sparse.models.exafs.scattering import SQUARE_PER_ENERGY
from tansaku.sparse.models.exafs.signal import spline_basis

_BEFORE = (-200.0, -30.0)  # of the edge, where a line is fitted [eV]
_AFTER = 100.0  # of the edge, from where a parabola is fitted [eV]
_FEWEST = 5  # points of either
_LOWEST = 1.0  # wavenumber from which there is fine structure [1/A]
_BIN = 0.05  # width in wavenumber within which points are averaged [1/A]
_SMOOTH = 1.0  # distance up to which the first background follows the data [A]


@dataclass(frozen=True, eq=False)
class Extracted:
    """Fine structure extracted from an absorption spectrum.

    Attributes:
        k: Wavenumber, rising [1/A], (n_points,).
        chi: Fine structure, (n_points,).
        edge: Energy where k is 0 [eV].
        step: Height of the edge, by which the fine structure is divided.
    """

    k: FloatArray
    chi: FloatArray
    edge: float
    step: float


def steepest(energy: FloatArray, absorption: FloatArray) -> float:
    """The energy of the steepest rise between neighbours' means [eV]."""
    smooth = np.convolve(absorption, np.ones(3) / 3.0, mode="valid")
    slopes = np.gradient(smooth, energy[1:-1])
    return float(energy[1:-1][int(np.argmax(slopes))])


def extracted(energy: FloatArray, absorption: FloatArray, edge: float | None = None) -> Extracted:
    """The fine structure of an absorption spectrum.

    A line before the edge and a parabola after it give the edge's height. The background is a cubic spline in k with knots
    pi / 2 apart, fitted to ``k mu(k)``. Its remains are fitted again together with the shells, so that it need not be exact.

    Args:
        energy: Rising [eV], (n_energies,).
        absorption: Up to a line and a factor, (n_energies,).
        edge: Energy where k is 0 [eV]; None: the steepest rise.

    Raises:
        ConfigurationError: There is no edge with enough points on both sides.
    """
    at = steepest(energy, absorption) if edge is None else edge
    before = (energy >= at + _BEFORE[0]) & (energy <= at + _BEFORE[1])
    after = energy >= at + _AFTER
    if before.sum() < _FEWEST or after.sum() < _FEWEST:
        raise ConfigurationError(
            f"edge at {at:g} eV: {before.sum()} points {-_BEFORE[0]:g} to {-_BEFORE[1]:g} eV before it and {after.sum()} "
            f"beyond {_AFTER:g} eV after it; expected at least {_FEWEST} of each"
        )
    shifted = energy - at
    line = np.polyfit(shifted[before], absorption[before], 1)
    flat = absorption - np.polyval(line, shifted)
    step = float(np.polyfit(shifted[after], flat[after], 2)[-1])
    if not step > 0.0:
        raise ConfigurationError(f"edge at {at:g} eV: its height is {step:g}; expected the absorption to rise")
    inside = shifted * SQUARE_PER_ENERGY >= _LOWEST**2
    k, values = _binned(np.sqrt(shifted[inside] * SQUARE_PER_ENERGY), flat[inside])
    count = int(2.0 * _SMOOTH * float(np.ptp(k)) / np.pi)
    if len(k) < 2 * (count + 4):
        raise ConfigurationError(f"edge at {at:g} eV: {len(k)} points after it; expected at least {2 * (count + 4)}")
    basis = spline_basis(k, count)
    weights = np.linalg.lstsq(basis * k[:, None], values * k, rcond=None)[0]
    return Extracted(k, (values - basis @ weights) / step, at, step)


def _binned(k: FloatArray, values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Means of points that are nearer than a bin's width."""
    _, bins = np.unique(np.floor(k / _BIN), return_inverse=True)
    counts = np.bincount(bins)
    return np.asarray(np.bincount(bins, k) / counts), np.asarray(np.bincount(bins, values) / counts)
