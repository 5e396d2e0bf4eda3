"""The search for shells as a scikit-learn estimator: ``fit``, ``predict``, ``get_params``.

After ``fit``: ``shells_`` (element, distance, mean square displacement), ``atoms_`` times S0^2, ``energy_`` (shift of the zero
of energy [eV]), ``errors_``, ``noise_``, and ``number_posterior_`` by number of shells.
"""

from __future__ import annotations

from typing import Self

import numpy as np

from tansaku.models.sparse.curves import positions_of, values_of
from tansaku.models.sparse.exafs.fit import ShellFitter
from tansaku.models.sparse.exafs.scattering import Scatterer
from tansaku.models.sparse.exafs.shells import Bounds, ShellScore
from tansaku.models.sparse.exafs.signal import Choice, FineStructure
from tansaku.models.sparse.numbers import number_posterior
from tansaku.models.sparse.scikit import BaseEstimator, RegressorMixin, check_is_fitted
from tansaku.models.sparse.search.subsets import FloatArray


class ShellRegressor(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Explains chi(k) by few shells.

    ``X`` is one column of wavenumbers. scikit-learn's ``check_estimator`` fits tables of several columns and does not apply.

    Args:
        scatterers: Elements around the absorber, from Feff files.
        max_shells: Largest number of shells.
        choice: Range, window and weight; None: the usual ones.
        bounds: Of shells; None: the usual ones.
    """

    def __init__(
        self,
        scatterers: tuple[Scatterer, ...] = (),
        max_shells: int = 16,
        choice: Choice | None = None,
        bounds: Bounds | None = None,
    ) -> None:
        self.scatterers = scatterers
        self.max_shells = max_shells
        self.choice = choice
        self.bounds = bounds

    def fit(self, X: FloatArray, y: FloatArray) -> Self:
        """Finds the shells.

        Args:
            X: Wavenumbers, rising [1/A], (n_points, 1).
            y: Fine structure, (n_points,).

        Raises:
            ValueError: The shapes do not fit, or values are not finite.
        """
        k = positions_of(X, "wavenumbers")
        signal = FineStructure.of(k, values_of(np.ravel(y), len(k)), self.choice or Choice())
        fitter = ShellFitter(ShellScore(signal, self.scatterers, self.bounds or Bounds()))
        fits = [fitter.fit(placed) for placed in fitter.best_by_number(self.max_shells)]
        best = min(fits, key=lambda fit: fit.evidence)
        self.shells_, self.atoms_, self.energy_, self.errors_ = best.shells, best.atoms, best.energy, best.errors
        self.noise_, self.number_posterior_ = best.deviation, number_posterior([fit.evidence for fit in fits])
        return self

    def predict(self, X: FloatArray) -> FloatArray:
        """The fine structure of the shells, without the smooth background, (n_points,)."""
        check_is_fitted(self)
        k = positions_of(X, "wavenumbers")
        total = np.zeros(len(k))
        for number, scatterer in enumerate(self.scatterers):
            own = self.shells_.element == number
            waves = scatterer.wave(k, self.energy_).columns(self.shells_.distance[own], self.shells_.variance[own])
            total += self.atoms_[own] @ waves
        return total
