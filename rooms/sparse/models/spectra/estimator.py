"""The search for peaks as a scikit-learn estimator: ``fit``, ``predict``, ``get_params``.

After ``fit``: ``peaks_`` (position, width, mixing), ``heights_``, ``errors_``, ``noise_``, ``background_``, and
``number_posterior_`` by number of peaks, by Laplace's approximation.
"""

from __future__ import annotations

from typing import Self

import numpy as np

from tansaku.models.averaging.subsets import FloatArray
from tansaku.sparse.models.curves import positions_of, values_of
from tansaku.sparse.models.numbers import number_posterior
from tansaku.sparse.models.scikit import BaseEstimator, RegressorMixin, check_is_fitted
from tansaku.sparse.models.spectra.candidates import Fitter
from tansaku.sparse.models.spectra.peaks import PeakDictionary, ShapeName, profile
from tansaku.sparse.models.spectra.score import PeakScore, Spectrum


class PeakRegressor(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Explains a spectrum by few peaks on a polynomial background.

    ``X`` is one column of positions. scikit-learn's ``check_estimator`` fits tables of several columns and does not apply.

    Args:
        max_peaks: Largest number of peaks.
        background: Degree of the polynomial.
        widths: Smallest and largest full width at half maximum; None: by spacing and range.
        signed: Whether heights may be negative.
    """

    def __init__(
        self,
        max_peaks: int = 8,
        shape: ShapeName = "gaussian",
        background: int = 1,
        widths: tuple[float, float] | None = None,
        signed: bool = False,
    ) -> None:
        self.max_peaks = max_peaks
        self.shape = shape
        self.background = background
        self.widths = widths
        self.signed = signed

    def fit(self, X: FloatArray, y: FloatArray) -> Self:
        """Finds the peaks.

        Args:
            X: Energy, wavenumber, angle … of each point, in any order, (n_points, 1).
            y: Intensity, (n_points,).

        Raises:
            ValueError: The shapes do not fit, or values are not finite.
            ConfigurationError: A parameter cannot be used, or the spectrum is nothing but background.
        """
        x = positions_of(X, "positions")
        intensity, order = values_of(np.ravel(y), len(x)), np.argsort(x, kind="stable")
        spectrum = Spectrum(x[order], intensity[order])
        dictionary = PeakDictionary.over(spectrum.x, self.widths, self.shape)
        fitter = Fitter(PeakScore(spectrum, dictionary, self.background, signed=self.signed))
        fits = [fitter.fit(peaks) for peaks in fitter.best_by_number(self.max_peaks)]
        best = min(fits, key=lambda fit: fit.evidence)
        self.peaks_, self.heights_, self.errors_, self.noise_ = best.peaks, best.heights, best.errors, best.deviation
        self.background_ = np.polynomial.Legendre.fit(spectrum.x, best.background, self.background)
        self.number_posterior_ = number_posterior([fit.evidence for fit in fits])
        self.n_features_in_ = 1
        return self

    def predict(self, X: FloatArray) -> FloatArray:
        """Peaks and background, (n_points,)."""
        check_is_fitted(self)
        x, peaks = positions_of(X, "positions"), self.peaks_
        return np.asarray(self.background_(x) + self.heights_ @ profile(x, peaks.position, peaks.width, peaks.mixing))
