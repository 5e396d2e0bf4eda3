"""Sets of shells that walk through their posterior, many at once.

The prior of the number of shells falls by exp(-3) with each. A shell's is uniform in element, distance and logarithm of the
mean square displacement, and half normal in the number of atoms with the deviation of :func:`usual_atoms`. The shift of energy
is normal around the middle of its bounds, which are ten deviations apart. The noise's variance has an inverse prior. The
amplitudes of the smooth background have a flat prior and are integrated out. These are our choices. Shells are born, die, split
and merge (Green 1995, doi:10.1093/biomet/82.4.711). When a shell is moved its number of atoms is integrated out and drawn
again, so that it follows the displacement.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import log_ndtr, ndtri_exp

from tansaku.models.averaging.subsets import BoolArray, FloatArray, IntArray
from tansaku.sparse.models.exafs.fit import Placed
from tansaku.sparse.models.exafs.scattering import fine_structure
from tansaku.sparse.models.exafs.shells import ATOMS, ShellScore

_NEAR = 0.3  # distance between shells that are split or merged [A]
_MOVED = (0.1, 0.5)  # deviations by which a shell that is split moves: distance [A], logarithm of the displacement
_STEPS = ((-3.5, -0.5), (-2.0, 0.2), (-2.0, 1.0))  # decades of steps: distance [A], logarithm of displacement, energy [eV]
_ELEMENT = 0.1  # share of moves that draw the element again
_DRIFT = 0.002  # relative change of distances that keeps phases at k = 8 1/A about the same, per shift of energy [1/eV]
_FEWER = 3.0  # by which the logarithm of the prior falls with each shell
_TINY = 1e-300


def usual_atoms(distance: FloatArray) -> FloatArray:
    """Number of atoms of a full shell: 12 at 2.5 A, rising with the sphere's surface."""
    return np.asarray(12.0 * (distance / 2.5) ** 2)


@dataclass(frozen=True, eq=False)
class Member:
    """One shell of each walker.

    Attributes:
        element: Number of the scatterer, (n_walkers,).
        distance: [A].
        log_variance: Logarithm of the mean square displacement [A^2].
        column: Wave of :data:`ATOMS` atoms, (n_walkers, n_points).
    """

    element: IntArray
    distance: FloatArray
    log_variance: FloatArray
    column: FloatArray

    def where(self, mask: BoolArray, other: Member) -> Member:
        """Its own values where the mask is set, the other's elsewhere."""
        return Member(
            np.where(mask, self.element, other.element),
            np.where(mask, self.distance, other.distance),
            np.where(mask, self.log_variance, other.log_variance),
            np.where(mask[:, None], self.column, other.column),
        )


class Walkers:
    """Walkers, each with a fixed number of slots for shells.

    Args:
        score: Of sets of shells.
        most: Largest number of shells.
        powers: Of the likelihood, one for each level of a chain, rising to 1; the number of starts is a multiple of theirs.
        rng: Random numbers.

    Attributes:
        active: Slots that hold a shell, (n_walkers, most).
        element: Numbers of the scatterers.
        distance: [A].
        log_variance: Logarithm of the mean square displacement [A^2].
        height: Atoms in units of :data:`ATOMS`; 0 where there is no shell.
        energy: Shift of energy [eV], (n_walkers,).
        rest: What the shells leave over, (n_walkers, n_points).
        beta: Power of the likelihood, (n_walkers,).
    """

    def __init__(
        self, score: ShellScore, starts: Sequence[Placed], most: int, powers: FloatArray, rng: np.random.Generator
    ) -> None:
        self._score, self._rng = score, rng
        count, points = len(starts), len(score.target)
        self._all = np.arange(count)
        low, high = np.log(score.bounds.variance)
        self._ends = (score.bounds.distance, (float(low), float(high)), score.bounds.energy)
        self._spans = score.bounds.distance[1] - score.lowest
        self._free = points - score.signal.background.shape[1]
        self._level = np.tile(np.arange(len(powers)), (count // len(powers), 1))
        self.beta = np.tile(powers, count // len(powers))
        self.active, self.element = np.zeros((count, most), dtype=bool), np.zeros((count, most), dtype=np.int64)
        self.distance, self.log_variance, self.height = np.ones((count, most)), np.zeros((count, most)), np.zeros((count, most))
        self.energy = np.clip([start.energy for start in starts], *self._ends[2])
        for walker, start in enumerate(starts):
            used = slice(0, len(start.shells))
            self.active[walker, used] = True
            self.element[walker, used] = start.shells.element
            self.distance[walker, used], self.log_variance[walker, used] = self._clipped(
                start.shells.element, start.shells.distance, np.log(start.shells.variance)
            )[:2]
        self._waves = BatchWaves(score, self.energy)
        self._columns = self._all_columns(self._waves, self.distance)
        self.rest = np.tile(score.target, (count, 1))
        self.draw_noise()
        for slot in (slot for _ in range(3) for slot in range(most)):
            self._redraw(np.full(count, slot))
            self.draw_noise()

    def state(self) -> tuple[np.ndarray, ...]:
        """Slots, elements, distances, displacements, atoms, shift of energy and square left over, at the power 1."""
        last = np.argmax(self._level, axis=1) + np.arange(len(self._level)) * self._level.shape[1]
        return (
            self.active[last], self.element[last], self.distance[last], np.exp(self.log_variance[last]),
            self.height[last] * ATOMS, self.energy[last], np.sum(self.rest[last] ** 2, axis=1),
        )  # fmt: skip

    def draw_noise(self) -> None:
        """Draws the noise's precision, whose prior is inverse, under the tempered likelihood."""
        squares = np.maximum(np.sum(self.rest**2, axis=1), 1e-12)
        self._precision = self._rng.chisquare(np.maximum(1e-9, self.beta * self._free)) / squares

    def exchange(self) -> None:
        """Exchanges powers between walkers of neighbouring levels of each chain."""
        first = int(self._rng.integers(2))
        walkers = np.argsort(self._level, axis=1) + np.arange(len(self._level))[:, None] * self._level.shape[1]
        low, high = walkers[:, first:-1:2].ravel(), walkers[:, first + 1 :: 2].ravel()
        squares = np.log(np.maximum(np.sum(self.rest**2, axis=1), _TINY))
        ratio = 0.5 * self._free * (self.beta[low] - self.beta[high]) * (squares[low] - squares[high])
        yes = np.log(self._rng.random(len(low))) < ratio
        low, high = low[yes], high[yes]
        for values in (self.beta, self._level.reshape(-1)):
            values[low], values[high] = values[high], values[low]

    def move(self) -> None:
        """Moves a shell of each walker."""
        count, rng = len(self._all), self._rng
        slot = self._picked(self.active)
        old, rest = self._member(slot), self._without(slot)
        element = np.where(rng.random(count) < _ELEMENT, rng.integers(len(self._score.scatterers), size=count), old.element)
        new, inside = self._made(
            element, old.distance + self._step(0), old.log_variance + self._step(1)
        )  # fmt: skip
        before, _ = self._integral(rest, old)
        after, height = self._integral(rest, new)
        ratio = after - before + np.log(self._spans[old.element] / self._spans[new.element])
        self._put(self._has(slot) & inside & self._decided(ratio), slot, rest, new, height)

    def birth_or_death(self) -> None:
        """Adds a shell drawn from the prior, or takes one away."""
        born = self._rng.random(len(self._all)) < 0.5
        slot = self._picked(np.where(born[:, None], ~self.active, self.active))
        element, share = self._any_element(), self._rng.random(len(self._all))
        distance = self._score.lowest[element] + share * self._spans[element]
        drawn, _ = self._made(element, distance, self._any_log_variance())
        shell, rest = drawn.where(born, self._member(slot)), self._without(slot)
        evidence, height = self._integral(rest, shell)
        ratio = evidence - _FEWER
        yes = (self._has(slot) ^ born) & self._decided(np.where(born, ratio, -ratio))
        self._put(yes & born, slot, rest, shell, height)
        self._kill(yes & ~born, slot, rest)

    def split_or_merge(self) -> None:
        """Splits a shell into two near ones, or merges two into one.

        A split moves the shell, leaves it a uniform share of its atoms, and adds another near it; a merge is the reverse. What
        both draw afresh cancels in the ratio but for the factors below.
        """
        every, rng, split = self._all, self._rng, self._rng.random(len(self._all)) < 0.5
        number = self.active.sum(axis=1)
        able = np.where(split, (number > 0) & (number < self.active.shape[1]), number > 1)
        other = self._picked(np.where(split[:, None], ~self.active, self.active))
        kept = np.where(split, self._picked(self.active), self._neighbour(other))
        old, height = self._member(kept), self.height[every, kept]
        normal = rng.normal(size=(3, len(every)))
        new, inside = self._made(old.element, old.distance + _MOVED[0] * normal[0], old.log_variance + _MOVED[1] * normal[1])
        drawn, near = self._made(self._any_element(), old.distance + _NEAR * normal[2], self._any_log_variance())
        second = drawn.where(split, self._member(other))
        single, first = old.where(split, new), new.where(split, old)
        alone = self.rest + height[:, None] * old.column + self.height[every, other][:, None] * second.column
        of_single, drawn_height = self._integral(alone, single)
        whole = np.where(split, height, drawn_height)
        part = np.where(split, height * rng.random(len(every)), height)
        rest = alone - part[:, None] * first.column
        of_second, second_height = self._integral(rest, second)
        gain = 0.5 * self._precision * (np.sum(alone**2, axis=1) - np.sum(rest**2, axis=1))
        ratio = gain - _FEWER + of_second - of_single + self._log_prior(first.distance, part) + np.log(np.maximum(whole, _TINY))
        ratio += self._log_pairing(kept, other, first.distance, second.distance, np.where(split, number, number - 1))
        ratio += 0.5 * ((second.distance - single.distance) / _NEAR) ** 2 + np.log(
            np.sqrt(2.0 * np.pi) * _NEAR / self._spans[second.element]
        )
        yes = able & inside & (near | ~split) & (part <= whole) & self._decided(np.where(split, ratio, -ratio))
        self._put(yes & split, kept, alone, first, part)
        self._put(yes & split, other, rest, second, second_height)
        self._kill(yes & ~split, other, alone)
        self._put(yes & ~split, kept, alone, single, drawn_height)

    def shift(self) -> None:
        """Moves the shift of energy, with the distances that follow it."""
        step = self._step(2)
        energy, distance = self.energy + step, self.distance * np.exp(_DRIFT * step)[:, None]
        fits = (distance >= self._score.lowest[self.element]) & (distance <= self._ends[0][1])
        inside = (energy == np.clip(energy, *self._ends[2])) & np.all(fits | ~self.active, axis=1)
        waves = BatchWaves(self._score, np.clip(energy, *self._ends[2]))
        columns = self._all_columns(waves, distance)
        rest = self._score.target - np.einsum("wk,wkp->wp", self.height, columns)
        prior = self._log_prior(distance, self.height) - self._log_prior(self.distance, self.height)
        ratio = 0.5 * self._precision * (np.sum(self.rest**2, axis=1) - np.sum(rest**2, axis=1))
        ratio += self._score.bounds.log_prior(energy) - self._score.bounds.log_prior(self.energy)
        # The distances' common factor has a determinant of one factor per shell.
        yes = inside & self._decided(ratio + np.sum((prior + _DRIFT * step[:, None]) * self.active, axis=1))
        self.energy[yes], self.distance[yes], self.rest[yes] = energy[yes], distance[yes], rest[yes]
        self._columns[yes] = columns[yes]
        self._waves.take(waves, yes)

    def _redraw(self, slot: IntArray) -> None:
        """Draws a slot's atoms again."""
        shell, rest = self._member(slot), self._without(slot)
        self._put(self._has(slot), slot, rest, shell, self._integral(rest, shell)[1])

    def _integral(self, rest: FloatArray, shell: Member) -> tuple[FloatArray, FloatArray]:
        """Logarithm of the mean likelihood of one more shell over its prior of atoms, and a height drawn from what it says."""
        scale = usual_atoms(shell.distance) / ATOMS
        gram, projection = (self._precision * np.einsum("wp,wp->w", shell.column, other) for other in (shell.column, rest))
        root = np.sqrt(gram + scale**-2)
        ratio = projection / root
        share = log_ndtr(ratio)
        height = np.maximum(ratio - ndtri_exp(np.log(self._rng.random(len(ratio))) + share), 0.0) / root
        return np.log(2.0 / (scale * root)) + 0.5 * ratio**2 + share, height

    def _log_prior(self, distance: FloatArray, height: FloatArray) -> FloatArray:
        scale = usual_atoms(distance) / ATOMS
        return np.asarray(np.log(2.0 / (scale * np.sqrt(2.0 * np.pi))) - 0.5 * (height / scale) ** 2)

    def _log_pairing(
        self, kept: IntArray, other: IntArray, first: FloatArray, second: FloatArray, fewer: IntArray
    ) -> FloatArray:
        """Logarithm of the chance that a merge takes this shell for the other, times the number a split chooses from."""
        distance, others = self.distance.copy(), self.active.copy()
        distance[self._all, kept], others[self._all, other] = first, False
        near = np.exp(-np.abs(distance - second[:, None]) / _NEAR) * others
        chance = near[self._all, kept] / np.maximum(near.sum(axis=1), _TINY)
        return np.asarray(np.log(np.maximum(chance * fewer, _TINY)))

    def _neighbour(self, slot: IntArray) -> IntArray:
        """Another shell, the likelier the nearer it is."""
        others = self.active.copy()
        others[self._all, slot] = False
        nearness = -np.abs(self.distance - self.distance[self._all, slot][:, None]) / _NEAR
        return np.asarray(np.argmax(np.where(others, nearness + self._rng.gumbel(size=nearness.shape), -np.inf), axis=1))

    def _made(self, element: IntArray, distance: FloatArray, log_variance: FloatArray) -> tuple[Member, BoolArray]:
        """Shells, clipped to the bounds, and whether they were inside."""
        distance, log_variance, inside = self._clipped(element, distance, log_variance)
        return Member(element, distance, log_variance, self._waves.columns(self._all, element, distance, log_variance)), inside

    def _clipped(
        self, element: IntArray, distance: FloatArray, log_variance: FloatArray
    ) -> tuple[FloatArray, FloatArray, BoolArray]:
        far = np.clip(distance, self._score.lowest[element], self._ends[0][1])
        spread = np.clip(log_variance, *self._ends[1])
        return far, spread, np.asarray((far == distance) & (spread == log_variance))

    def _all_columns(self, waves: BatchWaves, distance: FloatArray) -> FloatArray:
        made = np.zeros((*self.active.shape, len(self._score.target)))
        used = np.nonzero(self.active)
        made[used] = waves.columns(used[0], self.element[used], distance[used], self.log_variance[used])
        return made

    def _member(self, slot: IntArray) -> Member:
        place = self._all, slot
        return Member(self.element[place], self.distance[place], self.log_variance[place], self._columns[place])

    def _without(self, slot: IntArray) -> FloatArray:
        """The rest without the shells of a slot, (n_walkers, n_points)."""
        return np.asarray(self.rest + self.height[self._all, slot][:, None] * self._columns[self._all, slot])

    def _has(self, slot: IntArray) -> BoolArray:
        return np.asarray(self.active[self._all, slot])

    def _put(self, yes: BoolArray, slot: IntArray, rest: FloatArray, shell: Member, height: FloatArray) -> None:
        """Stores a shell; ``rest`` is what is left over without it."""
        walker = np.flatnonzero(yes)
        place = walker, slot[walker]
        self.active[place], self.height[place] = True, height[walker]
        self.element[place], self._columns[place] = shell.element[walker], shell.column[walker]
        self.distance[place], self.log_variance[place] = shell.distance[walker], shell.log_variance[walker]
        self.rest[walker] = rest[walker] - height[walker, None] * shell.column[walker]

    def _kill(self, yes: BoolArray, slot: IntArray, rest: FloatArray) -> None:
        walker = np.flatnonzero(yes)
        self.active[walker, slot[walker]], self.height[walker, slot[walker]] = False, 0.0
        self.rest[walker] = rest[walker]

    def _picked(self, marked: BoolArray) -> IntArray:
        """A random marked slot of each walker; 0 where none is."""
        return np.asarray(np.argmax(marked * (1.0 + self._rng.random(marked.shape)), axis=1))

    def _any_log_variance(self) -> FloatArray:
        return self._rng.uniform(*self._ends[1], len(self._all))

    def _any_element(self) -> IntArray:
        return self._rng.integers(len(self._score.scatterers), size=len(self._all))

    def _step(self, place: int) -> FloatArray:
        count = len(self._all)
        return np.asarray(self._rng.normal(size=count) * 10.0 ** self._rng.uniform(*_STEPS[place], count))

    def _decided(self, log_ratio: FloatArray) -> BoolArray:
        return np.asarray(np.log(self._rng.random(len(log_ratio))) < log_ratio)


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
