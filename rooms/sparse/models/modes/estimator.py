"""The search for few dynamic modes as a scikit-learn estimator: ``fit``, ``predict``, ``get_params``.

After ``fit``: ``frequency_``, ``damping_``, ``amplitude_`` and ``phase_`` (by mode, the last two by channel), ``errors_``,
``noise_``, and ``number_posterior_`` by number of oscillations and decays.
"""

from __future__ import annotations

from typing import Self

import numpy as np

from tansaku.models.averaging.subsets import FloatArray
from tansaku.sparse.models.curves import positions_of, values_of
from tansaku.sparse.models.modes.dynamics import Snapshots, decomposed, usual_delays
from tansaku.sparse.models.modes.path import Path
from tansaku.sparse.models.modes.problem import amplitude_problem
from tansaku.sparse.models.modes.refine import fits_by_number
from tansaku.sparse.models.modes.relaxation import relaxed
from tansaku.sparse.models.modes.score import ModeScore
from tansaku.sparse.models.numbers import number_posterior
from tansaku.sparse.models.scikit import BaseEstimator, MultiOutputMixin, RegressorMixin, check_is_fitted


class ModeRegressor(MultiOutputMixin, RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Explains signals by few damped oscillations and decays, found by adding, dropping and swapping modes.

    ``X`` is one column of times in equal steps. scikit-learn's ``check_estimator`` fits tables of several columns and does
    not apply.

    Args:
        max_modes: Largest number of oscillations and decays.
        rank: Number of modes of the decomposition, among which is chosen; 0: by the data.
        delays: Of the Hankel matrix; 0: by the numbers of channels and times.
    """

    def __init__(self, max_modes: int = 6, rank: int = 0, delays: int = 0) -> None:
        self.max_modes = max_modes
        self.rank = rank
        self.delays = delays

    def fit(self, X: FloatArray, y: FloatArray) -> Self:
        """Finds the modes.

        Args:
            X: Times, rising in equal steps, (n_times, 1).
            y: Signals, (n_times,) or (n_times, n_channels).

        Raises:
            ValueError: The shapes do not fit, or values are not finite.
            ConfigurationError: Times are not equally spaced, or a parameter cannot be used.
        """
        times = positions_of(X, "times")
        values = values_of(y, len(times))
        snapshots = Snapshots.at(times, np.ascontiguousarray(np.atleast_2d(values.T)))
        modes = decomposed(snapshots, self.delays or usual_delays(snapshots), self.rank)
        problem, largest = amplitude_problem(modes), min(self.max_modes, len(modes.eigenvalues))
        sets = Path.of_units(problem, modes, largest)
        for support in relaxed(problem, modes.oscillating):
            sets.offer(support)
        sets.improve(lambda _share: None)
        supports = {held.support for held in sets.best}
        fits = fits_by_number(snapshots, modes.rates, ModeScore(snapshots, modes.eigenvalues), supports, largest)
        best = min(fits, key=lambda fit: fit.evidence)
        self.frequency_, self.damping_, self.amplitude_, self.phase_ = best.frequency, best.damping, best.amplitude, best.phase
        self.errors_, self.noise_, self.start_ = best.errors, best.noise, float(times[0])
        self.number_posterior_ = number_posterior([fit.evidence for fit in fits])
        self.n_features_in_, self._single = 1, values.ndim == 1
        return self

    def predict(self, X: FloatArray) -> FloatArray:
        """The sum of the modes at any times, (n_times,) or (n_times, n_channels)."""
        check_is_fitted(self)
        t = positions_of(X, "times") - self.start_
        turns = 2.0 * np.pi * self.frequency_[:, None, None] * t + self.phase_[..., None]
        waves = self.amplitude_[..., None] * np.exp(-self.damping_[:, None, None] * t) * np.cos(turns)
        total = waves.sum(axis=0).T
        return np.asarray(total[:, 0] if self._single else total)
