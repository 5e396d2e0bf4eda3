"""Waves of many sets of shells at once, each set with its own shift of energy."""

from __future__ import annotations

import numpy as np

from tansaku.models.averaging.subsets import BoolArray, FloatArray, IntArray
from tansaku.sparse.models.exafs.scattering import fine_structure
from tansaku.sparse.models.exafs.shells import ATOMS, ShellScore


class BatchWaves:
    """Weighted waves of walkers' shells.

    Args:
        score: Of sets of shells.
        energy: Shift of energy of each walker [eV], (n_walkers,).
    """

    def __init__(self, score: ShellScore, energy: FloatArray) -> None:
        self._score = score
        made = [scatterer.wave(score.signal.k, energy[:, None]) for scatterer in score.scatterers]
        longest = max(len(wave.distances) for wave in made)
        places = [np.minimum(np.arange(longest), len(wave.distances) - 1) for wave in made]
        self._distances = [wave.distances for wave in made]
        # Single precision is exact to 1e-4 rad of phase and takes a third of the time.
        self._q = made[0].q.astype(np.float32)
        self._momentum = np.stack([wave.momentum for wave in made]).astype(np.complex64)
        self._amplitudes, self._phases = (
            np.stack([values[place] for values, place in zip(held, places, strict=True)]).astype(np.float32)
            for held in ([wave.amplitudes for wave in made], [wave.phases for wave in made])
        )

    def take(self, other: BatchWaves, chosen: BoolArray) -> None:
        """Takes over the waves of chosen walkers from others of the same number."""
        self._q[chosen] = other._q[chosen]
        self._momentum[:, chosen] = other._momentum[:, chosen]
        self._amplitudes[:, :, chosen] = other._amplitudes[:, :, chosen]
        self._phases[:, :, chosen] = other._phases[:, :, chosen]

    def columns(self, walker: IntArray, element: IntArray, distance: FloatArray, log_variance: FloatArray) -> FloatArray:
        """Weighted waves of :data:`ATOMS` atoms less their background, in units of the signal, (n_shells, n_points).

        Args:
            walker: Number of each shell's walker, (n_shells,).
            element: Numbers of the scatterers.
            distance: [A].
            log_variance: Logarithm of the mean square displacement [A^2].
        """
        place, last = np.empty(len(element)), np.empty(len(element), dtype=np.int64)
        for number, known in enumerate(self._distances):
            own = element == number
            place[own], last[own] = np.interp(distance[own], known, np.arange(len(known))), len(known) - 1
        left = np.minimum(place.astype(np.int64), np.maximum(0, last - 1))
        right, share = np.minimum(left + 1, last), (place - left)[:, None].astype(np.float32)
        amplitude, phase = (
            (1.0 - share) * held[element, left, walker] + share * held[element, right, walker]
            for held in (self._amplitudes, self._phases)
        )
        far, spread = (values.astype(np.float32)[:, None] for values in (distance, np.exp(log_variance)))
        chi = fine_structure(self._q[walker], self._momentum[element, walker], amplitude, phase, far, spread)
        return self._score.without_background(chi * (self._score.signal.weights * (ATOMS / self._score.scale)))
