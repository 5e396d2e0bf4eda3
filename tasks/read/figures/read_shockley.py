"""Functions of Read, Shockley and Wolf for energies of boundaries over an angle.

Each leads from a cusp to the highest energy beside it, in the form of Bulatov, Reed and Kumar (2014,
doi:10.1016/j.actamat.2013.10.057): γ = γ0 + (γ1 - γ0) (s - a s ln s) with s = sin(π x / 2 x1); x is the distance from the
cusp, and the highest energy is at x1. Theirs has a = 1/2; with a free a it is linear in two numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, combinations, pairwise

import numpy as np

from tansaku.models.domain.pool import BoolArray, FloatArray

Point = tuple[float, float]
"""An angle and an energy."""

_CURVED = 0.5
"""The number a of the paper."""

_FEWEST = 2
"""Boundaries between two cusps."""

_MORE = 4
"""Boundaries beyond the numbers of a fit with cusps among them."""

_MOST_LEFT = 0.5
"""Largest deviation of a fit, as a part of the standard deviation of the energies."""

_NOISE = 0.01
"""Deviations below this part of the highest energy decide nothing: found energies are upper bounds."""

_PLACES = np.linspace(0.05, 0.95, 37)
"""Places tried for the highest energy between two cusps, as parts of their distance."""

_SAME = 1e-6


def columns(angle: FloatArray, highest: float | FloatArray) -> FloatArray:
    """The columns s and -s ln s, shape ``(n, 2)``; angles beyond the highest go down again.

    Args:
        angle: From the cusp, shape ``(n,)``.
        highest: From the cusp to the highest energy, in the same unit.
    """
    s = np.abs(np.sin(0.5 * np.pi * angle / highest))
    return np.stack((s, -s * np.log(np.where(s > 0.0, s, 1.0))), axis=-1)


def fit(angle: FloatArray, energy: FloatArray, highest: float, lowest: float) -> tuple[float, float, float]:
    """Numbers γ0, A and B of γ0 + A s - B s ln s, of which A and B are not negative.

    Args:
        angle: From the cusp, shape ``(n,)``.
        energy: Shape ``(n,)``.
        highest: From the cusp to the highest energy, in the unit of the angles.
        lowest: Energy γ0 of the cusp.
    """
    from scipy.optimize import nnls

    found, _ = nnls(columns(angle, highest), energy - lowest)
    return lowest, float(found[0]), float(found[1])


@dataclass(frozen=True)
class Arch:
    """The energies between two cusps.

    Attributes:
        left: Angle and energy of a cusp.
        right: Those of the next one.
        peak: Those of the highest energy.
    """

    left: Point
    right: Point
    peak: Point

    def at(self, angle: FloatArray) -> FloatArray:
        """Energies at angles between the cusps, shape ``(n,)``."""
        share, low = _share(angle, self.left, self.right, self.peak[0])
        return np.asarray(low + (self.peak[1] - low) * share)


@dataclass(frozen=True)
class CuspFit:
    """A curve of several cusps, from one crystal to the next misorientation at which both grains are one.

    Attributes:
        arches: By rising angle; the first begins at 0.
        cusps: Places, among the boundaries, of those that are cusps.
        deviation: Root of the mean squared deviation of all boundaries.
    """

    arches: tuple[Arch, ...]
    cusps: tuple[int, ...]
    deviation: float

    def at(self, angle: FloatArray) -> FloatArray:
        """Energies at angles, shape ``(n,)``."""
        place = np.searchsorted([arch.left[0] for arch in self.arches], angle, side="right") - 1
        found = np.empty(len(angle))
        for number, arch in enumerate(self.arches):
            found[place == number] = arch.at(angle[place == number])
        return found


def cusp_fit(angle: FloatArray, energy: FloatArray, period: float, *, symmetric: bool = False) -> CuspFit | None:
    """Fits symmetric tilts, whose curve has cusps at 0, at the period and at some of the boundaries.

    Boundaries with less energy than both neighbours become cusps, up to two at a time, if that lowers the Bayesian information
    criterion (Schwarz 1978, doi:10.1214/aos/1176344136); those that lower it most are first.

    Args:
        angle: Misorientations, rising, above 0 and below the period, shape ``(n,)``.
        energy: The lowest found, shape ``(n,)``.
        period: Misorientation at which both grains are one crystal again, in the unit of the angles.
        symmetric: Whether angles x and period - x are the same boundaries; then no angle is above half the period.

    Returns:
        None where there are too few boundaries, two of one misorientation, or energies that do not follow such a curve.
    """
    if len(angle) < 2 * _FEWEST or (np.diff(angle) < _SAME).any():
        return None
    curve = _Curve(angle, energy, period, symmetric)
    best = curve.fitted(())
    while best is not None:
        left = [place for place in curve.minima if place not in best.cusps]
        tried = [curve.fitted((*best.cusps, *more)) for more in chain(combinations(left, 1), combinations(left, 2))]
        better = min((found for found in tried if found is not None), key=curve.criterion, default=None)
        if better is None or curve.criterion(better) >= curve.criterion(best):
            break
        best = better
    return best if best is not None and best.deviation <= _MOST_LEFT * float(energy.std()) else None


@dataclass(frozen=True)
class _Curve:
    """The boundaries of a fit, and the curves with given cusps among them."""

    angle: FloatArray
    energy: FloatArray
    period: float
    symmetric: bool

    @property
    def minima(self) -> list[int]:
        """Boundaries with less energy than both neighbours."""
        beyond = self.energy[-1 - self.middle] if self.middle else 0.0
        around = np.concatenate(([0.0], self.energy, [beyond if self.symmetric else 0.0]))
        return np.flatnonzero((self.energy < around[:-2]) & (self.energy < around[2:])).tolist()

    @property
    def middle(self) -> bool:
        """Whether the last boundary is in the middle of a symmetric curve."""
        return self.symmetric and abs(float(self.angle[-1]) - 0.5 * self.period) < _SAME

    def fitted(self, cusps: Sequence[int]) -> CuspFit | None:
        """The curve with these cusps; None if a part of it has too few boundaries."""
        chosen = tuple(sorted(cusps))
        points = [(0.0, 0.0), *((float(self.angle[at]), float(self.energy[at])) for at in chosen)]
        folded = self.symmetric and not (self.middle and len(self.angle) - 1 in chosen)
        if not self.symmetric:
            points.append((self.period, 0.0))
        elif folded:
            points.append((self.period - points[-1][0], points[-1][1]))
        arches = []
        for number, (left, right) in enumerate(pairwise(points)):
            inside = (self.angle > left[0] + _SAME) & (self.angle < right[0] - _SAME)
            if inside.sum() < _FEWEST:
                return None
            last = folded and number == len(points) - 2
            arches.append(self._arch(inside, left, right, np.array([0.5]) if last else _PLACES))
        found = CuspFit(tuple(arches), chosen, 0.0)
        deviation = float(np.sqrt(np.mean((found.at(self.angle) - self.energy) ** 2)))
        return CuspFit(found.arches, chosen, deviation)

    def criterion(self, found: CuspFit) -> float:
        """The Bayesian information criterion; infinite for cusps with too few boundaries for their numbers."""
        count, numbers = len(self.angle), 2 * len(found.arches) + len(found.cusps)
        if found.cusps and count < numbers + _MORE:
            return np.inf
        variance = found.deviation**2 + (_NOISE * float(self.energy.max())) ** 2
        return count * float(np.log(variance)) + numbers * float(np.log(count))

    def _arch(self, inside: BoolArray, left: Point, right: Point, places: FloatArray) -> Arch:
        """The arch of least squares; its highest energy is at least that of its cusps.

        Args:
            places: Tried for the highest energy, as parts of the distance between the cusps.
        """
        angle, energy = self.angle[inside], self.energy[inside]
        arches = []
        for place in places:
            peak = left[0] + float(place) * (right[0] - left[0])
            share, low = _share(angle, left, right, peak)
            highest = float(share @ (energy - low * (1.0 - share)) / (share @ share))
            arches.append(Arch(left, right, (peak, max(highest, left[1], right[1]))))
        return min(arches, key=lambda arch: float(((arch.at(angle) - energy) ** 2).sum()))


def _share(angle: FloatArray, left: Point, right: Point, peak: float) -> tuple[FloatArray, FloatArray]:
    """The part of the way from a cusp's energy to the highest, and that cusp's energy, each of shape ``(n,)``."""
    rising = angle <= peak
    away = np.where(rising, angle - left[0], right[0] - angle)
    share = columns(away, np.where(rising, peak - left[0], right[0] - peak)) @ np.array([1.0, _CURVED])
    return share, np.where(rising, left[1], right[1])
