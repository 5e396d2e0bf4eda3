"""The posterior of shells, sampled over their number, and the shells that its samples agree on.

Chains start at sets that a search found near several shifts of energy. Each has walkers under several powers of the likelihood,
which are exchanged (Swendsen 1986, doi:10.1103/PhysRevLett.57.2607), so that one explanation of the data is left for another;
the best sets start at the power 1, where samples are kept.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from tansaku.models.averaging.subsets import BoolArray, FloatArray, IntArray
from tansaku.sparse.models.exafs.fit import Placed, ShellFitter
from tansaku.sparse.models.exafs.shells import Bounds, Shells
from tansaku.sparse.models.exafs.walkers import Walkers

_CHAINS = 2
_POWERS = np.geomspace(0.01, 1.0, 12)  # of the likelihood, at the levels of a chain
_FORGOTTEN = 0.25  # share of the steps
_KEPT = 8  # steps between samples
_CYCLE = (
    Walkers.move, Walkers.birth_or_death, Walkers.move, Walkers.shift,
    Walkers.move, Walkers.split_or_merge, Walkers.move, Walkers.shift,
)  # fmt: skip
_BIN = 0.02  # of distances, when samples are grouped [A]
_SMOOTH = np.array([1.0, 2.0, 3.0, 2.0, 1.0]) / 9.0
_FAINT = 0.02  # shells per bin and sample below which there is a gap between groups
_VALLEY = 1.0 / 3.0  # of the lower of two peaks: a valley so deep parts groups
_EDGE = (0.02, 0.05)  # nearness to a bound: distance [A], share of the logarithmic range of displacements
_AT_BOUND = 0.25  # share of the samples near a bound from which a group is at it
_TAILS = (16.0, 84.0)  # percentiles


@dataclass(frozen=True, eq=False)
class Samples:
    """Sets of shells from their posterior.

    Attributes:
        active: Slots that hold a shell, (n_samples, most).
        element: Numbers of the scatterers.
        distance: [A].
        variance: Mean square displacement [A^2].
        atoms: Times S0^2; 0 where there is no shell.
        energy: Shift of the zero of energy [eV], (n_samples,).
        left: Square left over.
    """

    active: BoolArray
    element: IntArray
    distance: FloatArray
    variance: FloatArray
    atoms: FloatArray
    energy: FloatArray
    left: FloatArray

    @property
    def number_posterior(self) -> FloatArray:
        """Posterior of the number of shells, (most + 1,)."""
        counts = np.bincount(self.active.sum(axis=1), minlength=self.active.shape[1] + 1)
        return np.asarray(counts / len(self.active))

    def best(self) -> Placed:
        """The best sample of the most probable number of shells."""
        number = self.active.sum(axis=1)
        likely = np.flatnonzero(number == int(np.argmax(self.number_posterior)))
        place = likely[int(np.argmin(self.left[likely]))]
        used = self.active[place]
        shells = Shells(self.element[place, used], self.distance[place, used], self.variance[place, used])
        return Placed(shells.joined(Shells.none()), float(self.energy[place]), float(self.left[place]))

    def atoms_of(self, groups: Sequence[Group]) -> FloatArray:
        """Atoms of each sample in groups together, (n_samples,)."""
        total = np.zeros(len(self.active))
        for group in groups:
            total += np.sum(self.atoms * self._inside(group.element, group.window), axis=1)
        return total

    def r_hat(self, groups: Sequence[Group]) -> float:
        """Agreement of the chains on the groups' atoms, 1 at best (Gelman and Rubin 1992, doi:10.1214/ss/1177011136)."""
        found = [1.0]
        for group in groups:
            atoms = self.atoms_of([group]).reshape(-1, _CHAINS)
            found.append(float(np.sqrt(1.0 + atoms.mean(axis=0).var(ddof=1) / max(atoms.var(axis=0).mean(), 1e-12))))
        return max(found)

    def groups(self, bounds: Bounds, lowest: FloatArray) -> list[Group]:
        """Shells of one element that samples have near the same distance, by distance.

        Args:
            bounds: Of shells.
            lowest: Smallest distance of each element [A], (n_elements,).
        """
        found = []
        edges = np.arange(bounds.distance[0], bounds.distance[1] + _BIN, _BIN)
        for element in np.unique(self.element[self.active]).tolist():
            own = self.distance[self.active & (self.element == element)]
            counts = np.histogram(own, edges)[0] / len(self.active)
            for first, last in parted(np.convolve(counts, _SMOOTH, mode="same")):
                found.append(
                    self._group(
                        element,
                        (float(edges[first]), float(edges[last])),
                        replace(bounds, distance=(float(lowest[element]), bounds.distance[1])),
                    )
                )
        return sorted(found, key=lambda group: group.distance[0])

    def _inside(self, element: int, window: tuple[float, float]) -> BoolArray:
        near = (self.distance >= window[0]) & (self.distance < window[1])
        return np.asarray(self.active & (self.element == element) & near)

    def _group(self, element: int, window: tuple[float, float], bounds: Bounds) -> Group:
        inside = self._inside(element, window)
        held = np.flatnonzero(inside.any(axis=1))
        atoms = np.maximum(self.atoms[held], 1e-12) * inside[held]
        share = atoms / atoms.sum(axis=1, keepdims=True)
        distance, variance = (np.sum(share * values[held], axis=1) for values in (self.distance, self.variance))
        total = np.sum(self.atoms * inside, axis=1)
        return Group(
            element, window, len(held) / len(inside), (float(distance.mean()), float(distance.std())),
            (float(variance.mean()), float(variance.std())), interval(total),
            _bounds_met(self.distance[inside], self.variance[inside], bounds),
        )  # fmt: skip


@dataclass(frozen=True)
class Group:
    """Shells of one element that samples have near the same distance; they may be one or several.

    Attributes:
        element: Number of the scatterer.
        window: Smallest and largest distance [A].
        probability: Share of the samples that have such a shell.
        distance: Mean and deviation [A], where there is one.
        variance: Mean square displacement, mean and deviation [A^2], where there is one.
        atoms: Times S0^2: mean, and 16th and 84th percentile, of all samples.
        at_bounds: What is at a bound: ``distance`` or ``displacement``.
    """

    element: int
    window: tuple[float, float]
    probability: float
    distance: tuple[float, float]
    variance: tuple[float, float]
    atoms: tuple[float, float, float]
    at_bounds: tuple[str, ...]


def interval(values: FloatArray) -> tuple[float, float, float]:
    """Mean, 16th and 84th percentile of samples."""
    low, high = np.percentile(values, _TAILS)
    return float(values.mean()), float(low), float(high)


def _bounds_met(distance: FloatArray, variance: FloatArray, bounds: Bounds) -> tuple[str, ...]:
    """Names of the parameters that have a large share of their values near a bound."""
    low, high = np.log(bounds.variance)
    places = {
        "distance": (distance, bounds.distance, _EDGE[0]),
        "displacement": (np.log(variance), (low, high), _EDGE[1] * (high - low)),
    }
    met = []
    for name, (values, ends, margin) in places.items():
        if max(float(np.mean(np.abs(values - end) < margin)) for end in ends) > _AT_BOUND:
            met.append(name)
    return tuple(met)


def parted(density: FloatArray) -> list[tuple[int, int]]:
    """Ranges of bins around peaks, parted by gaps and deep valleys.

    Args:
        density: Shells per bin and sample, (n_bins,).

    Returns:
        First bin and the one after the last, of each range.
    """
    found: list[tuple[int, int]] = []
    first, top, valley = -1, 0.0, 0
    for place, value in enumerate([*density.tolist(), 0.0]):
        if value <= _FAINT:
            if first >= 0:
                found.append((first, place))
            first = -1
            continue
        if first < 0:
            first, top, valley = place, value, place
        if value < density[valley]:
            valley = place
        elif density[valley] < _VALLEY * min(top, value):
            found.append((first, valley))
            first, top, valley = valley, value, place
        if value >= top:
            top, valley = value, place
    return found


@dataclass(frozen=True)
class Sampling:
    """Settings of the sampling.

    Attributes:
        most: Largest number of shells.
        steps: Of each walker.
        seed: Of the random numbers.
    """

    most: int
    steps: int = 16000
    seed: int = 0


def sampled(fitter: ShellFitter, sets: Sequence[Placed], how: Sampling, report: Callable[[float], None]) -> Samples:
    """Samples sets of shells from their posterior.

    Args:
        fitter: That weighs the points so that the noise is the same for all.
        sets: Good sets, of any number of shells and shift of energy.
        how: Largest number of shells, steps and seed.
        report: Receives the share that is done.
    """
    best = sorted(sets, key=fitter.criterion)
    coldest = [best[place % len(best)] for place in range(len(_POWERS))]
    walkers = Walkers(fitter.score, coldest[::-1] * _CHAINS, how.most, _POWERS, np.random.default_rng([how.seed, how.most]))
    kept: list[tuple[np.ndarray, ...]] = []
    for step in range(how.steps):
        _CYCLE[step % len(_CYCLE)](walkers)
        walkers.exchange()
        walkers.draw_noise()
        if step >= _FORGOTTEN * how.steps and step % _KEPT == 0:
            kept.append(walkers.state())
        report((step + 1) / how.steps)
    return Samples(*(np.concatenate(values) for values in zip(*kept, strict=True)))
