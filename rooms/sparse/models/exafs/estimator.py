"""The search for shells as a scikit-learn estimator: ``fit``, ``predict``, ``get_params``.

After ``fit``: ``groups_`` (shells that samples of the posterior agree on, with intervals of the atoms times S0^2),
``number_posterior_`` by number of shells; and of the best sample of the most probable number ``shells_`` (element, distance,
mean square displacement), ``atoms_`` times S0^2, ``energy_`` (shift of the zero of energy [eV]) and ``noise_``.
"""

from __future__ import annotations

from typing import Self

import numpy as np

from tansaku.models.averaging.subsets import FloatArray
from tansaku.sparse.models.curves import positions_of, values_of
from tansaku.sparse.models.exafs.fit import ShellFitter
from tansaku.sparse.models.exafs.posterior import Sampling, sampled
from tansaku.sparse.models.exafs.scattering import Scatterer
from tansaku.sparse.models.exafs.shells import Bounds, ShellScore
from tansaku.sparse.models.exafs.signal import Choice, FineStructure
from tansaku.sparse.models.scikit import BaseEstimator, RegressorMixin, check_is_fitted


class ShellRegressor(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Explains chi(k) by few shells.

    ``X`` is one column of wavenumbers. scikit-learn's ``check_estimator`` fits tables of several columns and does not apply.

    Args:
        scatterers: Elements around the absorber, from Feff files.
        max_shells: Largest number of shells.
        choice: Range, window and weight; None: the usual ones.
        bounds: Of shells; None: the usual ones.
        steps: Of each walker that samples the posterior.
        seed: Of the random numbers.
    """

    def __init__(
        self,
        scatterers: tuple[Scatterer, ...] = (),
        max_shells: int = 16,
        choice: Choice | None = None,
        bounds: Bounds | None = None,
        steps: int = 16000,
        seed: int = 0,
    ) -> None:
        self.scatterers = scatterers
        self.max_shells = max_shells
        self.choice = choice
        self.bounds = bounds
        self.steps = steps
        self.seed = seed

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
        sets = fitter.best_by_number(self.max_shells)
        starts, fitter = [*fitter.starts(self.max_shells), *sets], fitter.evened(sets[-1])
        samples = sampled(fitter, starts, Sampling(self.max_shells, self.steps, self.seed), lambda _share: None)
        best = fitter.fit(samples.best())
        self.shells_, self.atoms_, self.energy_, self.noise_ = best.shells, best.atoms, best.energy, best.deviation
        self.groups_, self.number_posterior_ = (
            samples.groups(fitter.score.bounds, fitter.score.lowest),
            samples.number_posterior,
        )
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
