"""Good sets of peaks of each number, found quickly: by the LARS path of a coarse dictionary and by adding peaks in turn."""

from __future__ import annotations

from dataclasses import dataclass
from math import lgamma

import numpy as np

from tansaku.models.averaging.subsets import EMPTY, FloatArray, IntArray
from tansaku.sparse.models.spectra.peaks import PeakDictionary, profile
from tansaku.sparse.models.spectra.score import PeakScore

_PER_WIDTH = 2  # positions of the coarse dictionary per width
_WIDTHS_PER_OCTAVE = 2
_NONZERO = 1e-10
_MORE = 2  # peaks added beyond the largest number, from which the best sets are found by leaving out
_EXACT = 1e-9  # smallest noise that a fit may have, in units of the spectrum's deviation
_HEIGHT = 3  # column of the height among a peak's parameters


@dataclass(frozen=True, eq=False)
class Peaks:
    """A few peaks, in order of position.

    Attributes:
        position: Of the maxima, (n_peaks,).
        width: Full widths at half maximum.
        mixing: Shares of the Lorentzian.
    """

    position: FloatArray
    width: FloatArray
    mixing: FloatArray

    @classmethod
    def of(cls, position: FloatArray, width: FloatArray, mixing: FloatArray) -> Peaks:
        """The peaks in order."""
        order = np.argsort(position, kind="stable")
        return cls(position[order], width[order], mixing[order])

    @classmethod
    def members(cls, dictionary: PeakDictionary, members: IntArray) -> Peaks:
        """Members of a dictionary; EMPTY is left out."""
        return cls.of(*dictionary.parameters(members[members != EMPTY]))

    def without(self, place: int) -> Peaks:
        """All peaks but one."""
        return Peaks(*(np.delete(values, place) for values in (self.position, self.width, self.mixing)))

    def joined(self, other: Peaks) -> Peaks:
        """Both together."""
        return Peaks.of(
            np.concatenate([self.position, other.position]),
            np.concatenate([self.width, other.width]),
            np.concatenate([self.mixing, other.mixing]),
        )


@dataclass(frozen=True, eq=False)
class Fit:
    """Peaks fitted to a spectrum.

    Attributes:
        peaks: That were fitted.
        heights: In units of the spectrum, (n_peaks,).
        background: Of each point, in those units.
        deviation: Of the noise: root of the mean square of what is left, per degree of freedom.
        errors: Standard errors of positions, widths, mixings and heights, (n_peaks, 4); NaN where they are not known.
        evidence: Negative logarithm of the evidence for this number of peaks [nats], by Laplace's approximation around these:
            the prior is uniform in position, logarithm of the width, and mixing. Infinite where peaks cannot be distinguished.
    """

    peaks: Peaks
    heights: FloatArray
    background: FloatArray
    deviation: float
    errors: FloatArray
    evidence: float


class Fitter:
    """Fits and scores peaks.

    Args:
        score: Of sets of peaks.
    """

    def __init__(self, score: PeakScore) -> None:
        self._score = score
        self.dictionary = score.dictionary
        self._x, self._weights = score.spectrum.x, score.spectrum.weights
        self._y = score.without_background(score.spectrum.y * self._weights)

    def _columns(self, peaks: Peaks) -> FloatArray:
        made = profile(self._x, peaks.position, peaks.width, peaks.mixing) * self._weights
        return self._score.without_background(made)

    def _heights(self, columns: FloatArray) -> FloatArray:
        from scipy.optimize import nnls

        if not len(columns):
            return np.empty(0)  # SciPy's non-negative least squares writes out of bounds without columns
        if self._score.signed:
            return np.asarray(np.linalg.lstsq(columns.T, self._y, rcond=None)[0])
        return np.asarray(nnls(columns.T, self._y)[0])

    def residual(self, peaks: Peaks) -> FloatArray:
        """Returns the residual of the fit by peaks with their best heights."""
        columns = self._columns(peaks)
        return np.asarray(self._y - self._heights(columns) @ columns)

    def refined(self, peaks: Peaks) -> Peaks:
        """Peaks moved to the nearest minimum of the squared residual, inside the dictionary's bounds."""
        from scipy.optimize import least_squares

        count = len(peaks.position)
        if count == 0:
            return peaks
        low, high = self._bounds(count)
        start = np.clip(np.concatenate([peaks.position, np.log(peaks.width), peaks.mixing]), low, high)
        free = high > low

        def residual(values: FloatArray) -> FloatArray:
            whole = start.copy()
            whole[free] = values
            return self.residual(_peaks_of(whole, count))

        found = least_squares(
            residual, np.clip(start[free], low[free] + 1e-9, high[free] - 1e-9), bounds=(low[free], high[free]), max_nfev=40,
            x_scale=np.maximum(high[free] - low[free], 1e-9) / 10.0,
        )  # fmt: skip
        whole = start.copy()
        whole[free] = found.x
        made = _peaks_of(whole, count)
        return Peaks.of(made.position, made.width, made.mixing)

    def _bounds(self, count: int) -> tuple[FloatArray, FloatArray]:
        held = self.dictionary
        ranges = ((held.low, held.high), np.log((held.narrowest, held.widest)), (held.mixings.min(), held.mixings.max()))
        low, high = (np.repeat([limits[side] for limits in ranges], count) for side in (0, 1))
        return low, high

    def support(self, peaks: Peaks, size: int) -> IntArray:
        """Peaks as members of the dictionary, (size,)."""
        members = np.unique(self.dictionary.nearest(peaks.position, peaks.width, peaks.mixing))
        return np.concatenate([members, np.full(size - len(members), EMPTY, dtype=np.int64)])

    def energy(self, peaks: Peaks) -> float:
        """Free energy at these peaks."""
        return float(self._score.energies_of(self._columns(peaks)[None])[0])

    def fit(self, peaks: Peaks) -> Fit:
        """Heights, background, noise, and standard errors from the curvature at the minimum."""
        columns = self._columns(peaks)
        heights, count = self._heights(columns), len(peaks.position)
        rest = self._y - heights @ columns
        made = profile(self._x, peaks.position, peaks.width, peaks.mixing)
        weighted = (self._score.spectrum.y - heights @ made) * self._weights
        background = (weighted - self._score.without_background(weighted)) / self._weights
        free = len(self._y) - count * (3 + (len(self.dictionary.mixings) > 1)) - self._score.degree - 1
        deviation = float(np.sqrt(rest @ rest / max(1, free)))
        covariance, places = self._covariance(peaks, heights, deviation)
        errors = np.full((count, 4), np.nan)
        for number, place in enumerate(places):
            errors[place] = np.sqrt(covariance[number, number]) if covariance[number, number] > 0.0 else np.nan
        return Fit(peaks, heights, background, deviation, errors, self.energy(peaks) + self._occam(peaks, covariance, places))

    def _occam(self, peaks: Peaks, covariance: FloatArray, places: list[tuple[int, int]]) -> float:
        """Computes what integrating over positions, widths and mixings adds to the free energy [nats]."""
        used = [number for number, (_, kind) in enumerate(places) if kind != _HEIGHT]
        if not used:
            return 0.0
        ranges = self._ranges(peaks, [places[number] for number in used])
        sign, log_volume = np.linalg.slogdet(2.0 * np.pi * covariance[np.ix_(used, used)] / np.outer(ranges, ranges))
        return float("inf") if not sign > 0.0 else -0.5 * float(log_volume) - lgamma(len(peaks.position) + 1)

    def _ranges(self, peaks: Peaks, places: list[tuple[int, int]]) -> FloatArray:
        """Ranges of the prior of positions, widths (even in the logarithm, here at the peak's width) and mixings."""
        held = self.dictionary
        ranges = (held.high - held.low, float(np.log(held.widest / held.narrowest)) or 1.0, 1.0)
        return np.array([ranges[kind] * (peaks.width[peak] if kind == 1 else 1.0) for peak, kind in places])

    def _covariance(self, peaks: Peaks, heights: FloatArray, deviation: float) -> tuple[FloatArray, list[tuple[int, int]]]:
        """Covariance of the free parameters, and of which peak and kind each is.

        Each range of the prior bounds what is not known of its parameter by itself. A bound of their product would not do: the
        share of a Lorentzian that nothing determines would make up for what a needless peak's position costs.
        """
        count = len(peaks.position)
        if count == 0:
            return np.empty((0, 0)), []
        values = np.array([peaks.position, peaks.width, peaks.mixing, heights])
        steps = np.array([1e-4 * peaks.width, 1e-4 * peaks.width, np.full(count, 1e-3), np.maximum(1e-4 * heights, 1e-12)])
        used = [0, 1, _HEIGHT] + ([2] if len(self.dictionary.mixings) > 1 else [])
        slopes, places = [], []
        for kind in used:
            for peak in range(count):
                sides = []
                for sign in (-1.0, 1.0):
                    moved = values.copy()
                    moved[kind, peak] += sign * steps[kind, peak]
                    sides.append(moved[3] @ self._columns(Peaks(*moved[:3])))
                slopes.append((sides[1] - sides[0]) / (2.0 * steps[kind, peak]))
                places.append((peak, kind))
        # A fit without any residual would make the curvature infinite.
        precision = np.array(slopes) @ np.array(slopes).T / max(deviation, _EXACT * float(np.std(self._y))) ** 2
        bounded = [number for number, (_, kind) in enumerate(places) if kind != _HEIGHT]
        precision[bounded, bounded] += 2.0 * np.pi / self._ranges(peaks, [places[number] for number in bounded]) ** 2
        try:
            return np.linalg.inv(precision), places
        except np.linalg.LinAlgError:
            return np.full((len(places), len(places)), np.nan), places

    def coarse(self) -> Peaks:
        """The members of a coarse dictionary, few enough to be stored as columns."""
        held = self.dictionary
        steps = int(np.ceil(np.log2(held.widest / held.narrowest) * _WIDTHS_PER_OCTAVE)) + 1
        position, width = [], []
        for value in np.geomspace(held.narrowest, held.widest, steps):
            places = np.linspace(held.low, held.high, int((held.high - held.low) / value * _PER_WIDTH) + 2)
            position.append(places)
            width.append(np.full(len(places), value))
        mixing = np.full(sum(map(len, width)), float(np.median(held.mixings)))
        return Peaks(np.concatenate(position), np.concatenate(width), mixing)

    def lars(self, largest: int) -> Peaks:
        """Returns the peaks that LARS with least squares chooses on the coarse dictionary, by the free energy along its path.

        Members that touch (nearer than half a width) are one peak.
        """
        from sklearn.linear_model import lars_path

        coarse = self.coarse()
        columns = self._columns(coarse)
        norms = np.linalg.norm(columns, axis=1)
        usable = norms > 1e-9 * norms.max()
        scaled = (columns[usable] / norms[usable][:, None]).T
        path = lars_path(scaled, self._y, method="lasso", positive=not self._score.signed, max_iter=8 * largest)[2]
        best, lowest = Peaks(*(np.empty(0) for _ in range(3))), np.inf
        for point in path.T:
            places = np.flatnonzero(usable)[np.abs(point) > _NONZERO]
            peaks = _merged(coarse, places, np.abs(point[np.abs(point) > _NONZERO]))
            if 0 < len(peaks.position) <= largest and (energy := self.energy(peaks)) < lowest:
                best, lowest = peaks, energy
        return best

    def best_by_number(self, largest: int) -> list[Peaks]:
        """A good set of each number of peaks, 0 to the largest: the best of adding one at a time and of leaving one out."""
        coarse = self.coarse()
        columns = self._columns(coarse)
        norms = np.linalg.norm(columns, axis=1)
        sets = [Peaks(*(np.empty(0) for _ in range(3)))]
        for _ in range(largest + _MORE):
            gain = columns @ self.residual(sets[-1]) / np.maximum(norms, 1e-9 * norms.max())
            place = int(np.argmax(np.abs(gain) if self._score.signed else gain))
            added = Peaks(coarse.position[[place]], coarse.width[[place]], coarse.mixing[[place]])
            sets.append(self.refined(sets[-1].joined(added)))
        squares = [float(np.sum(self.residual(peaks) ** 2)) for peaks in sets]
        for number in range(largest + _MORE - 1, 0, -1):
            fewer = [sets[number + 1].without(place) for place in range(number + 1)]
            kept = self.refined(min(fewer, key=lambda peaks: float(np.sum(self.residual(peaks) ** 2))))
            square = float(np.sum(self.residual(kept) ** 2))
            if square < squares[number]:
                sets[number], squares[number] = kept, square
        return sets[: largest + 1]


def _peaks_of(values: FloatArray, count: int) -> Peaks:
    return Peaks(values[:count], np.exp(values[count : 2 * count]), values[2 * count :])


def _merged(coarse: Peaks, places: IntArray, heights: FloatArray) -> Peaks:
    """Neighbours joined into one peak at their mean, weighted by height."""
    order = places[np.argsort(coarse.position[places], kind="stable")]
    weights = heights[np.argsort(coarse.position[places], kind="stable")]
    groups: list[list[int]] = []
    for number, place in enumerate(order):
        touches = groups and coarse.position[place] - coarse.position[order[groups[-1][-1]]] < 0.5 * coarse.width[place]
        if touches:
            groups[-1].append(number)
        else:
            groups.append([number])
    means = [
        [float(np.average(values[order[group]], weights=weights[group])) for group in groups]
        for values in (coarse.position, coarse.width, coarse.mixing)
    ]
    return Peaks(*(np.array(values) for values in means))
