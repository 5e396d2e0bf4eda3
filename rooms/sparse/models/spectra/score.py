"""Free energy of a set of peaks: heights, noise and background integrated out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import log_ndtr

from tansaku.models.averaging.evidence import NoiseGrid, noise_integral
from tansaku.models.averaging.subsets import EMPTY, FloatArray, IntArray
from tansaku.models.domain.errors import ConfigurationError
from tansaku.sparse.models.spectra.peaks import PeakDictionary, PeakUnits

GRID = NoiseGrid(noise=(1e-4, 2.0), weight=(0.03, 10.0))
"""Bounds of the noise and of the heights, in units of the spectrum's deviation."""
_DEPENDENT = 1e-9  # share of the largest eigenvalue below which peaks count as one
_SLOPE = 1e-12


@dataclass(frozen=True, eq=False)
class Spectrum:
    """A measured spectrum.

    Attributes:
        x: Energy, wavenumber, angle … of each point, rising, (n_points,).
        y: Intensity.
        error: Standard deviation of each intensity up to a common factor; None: the same for all.
    """

    x: FloatArray
    y: FloatArray
    error: FloatArray | None = None

    @property
    def weights(self) -> FloatArray:
        """Factors that make the noise the same for all points; their mean square is 1."""
        if self.error is None:
            return np.ones_like(self.x)
        inverse = 1.0 / self.error
        return np.asarray(inverse / np.sqrt(np.mean(inverse**2)))


class ColumnScore:
    """Free energies of sets of columns, after Igarashi 2018 (doi:10.7566/JPSJ.87.044802).

    The background is a linear space with a flat prior. Heights have a normal prior of common deviation. Unless ``signed``, they
    are positive: the evidence is multiplied by the posterior over the prior probability of that, each height taken by itself.
    These are our choices.

    Args:
        values: Weighted, so that the noise is the same for all, (n_points,).
        background: Its weighted columns, (n_points, n_columns).
        what: The background, as an error names it.
        signed: Whether heights may be negative.

    Raises:
        ConfigurationError: The values are nothing but background.
    """

    def __init__(self, values: FloatArray, background: FloatArray, what: str, *, signed: bool = False) -> None:
        self.signed = signed
        self._background = np.linalg.qr(background)[0]
        y = self.without_background(values)
        self.scale = float(np.sqrt(np.mean(y**2)))
        if self.scale <= 1e-12 * float(np.abs(values).max()):
            raise ConfigurationError(f"the spectrum is {what}: there is nothing to explain")
        self._y = y / self.scale
        self._integral = noise_integral(GRID, len(values) - background.shape[1] + 1)

    def without_background(self, values: FloatArray) -> FloatArray:
        """Values less their least-squares background, (..., n_points)."""
        return np.asarray(values - (values @ self._background) @ self._background.T)

    def energies_of(self, columns: FloatArray) -> FloatArray:
        """Free energies of sets of weighted columns less their background, 0 where there is none [nats], (n_supports,).

        Args:
            columns: (n_supports, size, n_points).
        """
        gram = columns @ columns.transpose(0, 2, 1)
        projection = columns @ self._y
        values, vectors = np.linalg.eigh(gram)
        sound = values > _DEPENDENT * values.max(axis=1, initial=_SLOPE)[:, None]
        values = np.where(sound, values, 0.0)
        turned = np.einsum("sij,si->sj", vectors, projection) * sound
        squares = np.divide(turned**2, values, out=np.zeros_like(values), where=sound)
        total = float(self._y @ self._y)
        result = self._integral.free_energies(values, squares, total)
        if self.signed:
            return result
        inverse = np.divide(1.0, values, out=np.zeros_like(values), where=sound)
        heights = np.einsum("sij,sj->si", vectors, turned * inverse)
        rest = np.maximum(total - squares.sum(axis=1), 0.0) / max(1, len(self._y) - self._background.shape[1])
        variances = np.einsum("sij,sj->si", vectors**2, inverse) * np.maximum(rest, GRID.noise[0] ** 2)[:, None]
        present = variances > 0.0
        ratio = np.divide(heights, np.sqrt(variances), out=np.zeros_like(heights), where=present)
        return np.asarray(result - ((log_ndtr(ratio) + np.log(2.0)) * present).sum(axis=1))


class PeakScore(ColumnScore):
    """Free energies of sets of peaks; the background is a polynomial.

    Args:
        spectrum: That is explained.
        background: Degree of the polynomial.
        signed: Whether heights may be negative.

    Raises:
        ConfigurationError: The spectrum has too few points or is the polynomial itself.
    """

    def __init__(self, spectrum: Spectrum, dictionary: PeakDictionary, background: int = 0, *, signed: bool = False) -> None:
        self.spectrum, self.dictionary, self.degree = spectrum, dictionary, background
        self.units = PeakUnits.of(dictionary)
        n = len(spectrum.x)
        if n < background + 5:
            raise ConfigurationError(f"{n} points: expected at least {background + 5} for a background of degree {background}")
        scaled = 2.0 * (spectrum.x - spectrum.x[0]) / np.ptp(spectrum.x) - 1.0
        basis = np.polynomial.legendre.legvander(scaled, background) * spectrum.weights[:, None]
        super().__init__(spectrum.y * spectrum.weights, basis, f"a polynomial of degree {background}", signed=signed)

    def columns(self, supports: IntArray) -> FloatArray:
        """Weighted peaks less their background, 0 for EMPTY, (n_supports, size, n_points)."""
        peaks = self.dictionary.columns(supports, self.spectrum.x) * self.spectrum.weights
        return np.asarray(self.without_background(peaks) * (supports != EMPTY)[..., None])

    def energies(self, supports: IntArray) -> FloatArray:
        """Free energies of sets of members [nats], (n_supports,).

        Args:
            supports: Members of the dictionary, filled up with EMPTY, (n_supports, size).
        """
        return self.energies_of(self.columns(supports))
