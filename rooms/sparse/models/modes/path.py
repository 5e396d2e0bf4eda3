"""The best sets of modes of each number: all sets where they can be counted, else a search by adding, dropping and swapping."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Self

import numpy as np

from tansaku.models.averaging.subsets import FloatArray, IntArray, number_of_supports, unrank
from tansaku.sparse.models.modes.dynamics import Modes
from tansaku.sparse.models.modes.problem import Problem

ALL = 100_000
"""Number of sets up to which all are searched, unless it is asked for otherwise."""

_BLOCK = 5000
_BETTER = 1e-10  # share of the data's square by which a loss must fall
_FLAT = 1e-10

Support = tuple[int, ...]


@dataclass(frozen=True)
class Held:
    """A set of units and its loss."""

    support: Support
    loss: float


class Path:
    """Best sets by number of modes, where a pair counts as two.

    Args:
        problem: Least squares.
        counts: Modes of each unit, (n_units,).
        most: Largest number of modes.
    """

    def __init__(self, problem: Problem, counts: IntArray, most: int) -> None:
        self.problem, self.counts, self.most = problem, counts, min(most, int(counts.sum()))
        self._held: dict[int, Held] = {}
        self._changed: set[int] = set()
        self._gram = problem.gram + np.diag(np.where(np.diag(problem.gram) > 0.0, 0.0, 1.0))
        self.offer(())

    @classmethod
    def of_units(cls, problem: Problem, modes: Modes, largest: int) -> Self:
        """Best sets for a search of up to ``largest`` oscillations and decays."""
        # As many modes as no set of more units can have: the best sets of these numbers are within the units that are searched.
        return cls(problem, modes.counts, max(largest, 2 * largest - int((~modes.oscillating).sum())))

    @property
    def best(self) -> list[Held]:
        """The best known set of each number of modes, by rising number."""
        return [self._held[number] for number in sorted(self._held)]

    def number(self, support: Iterable[int]) -> int:
        """Number of modes of a set."""
        return int(sum(self.counts[unit] for unit in support))

    def offer(self, support: Iterable[int]) -> bool:
        """Takes a set if it is better than the known ones with as many modes; returns whether it was."""
        members = tuple(sorted(int(unit) for unit in support))
        loss = float(self.problem.losses(np.array([members], dtype=np.int64).reshape(1, -1))[0])
        return self._take(members, loss)

    def _take(self, members: Support, loss: float) -> bool:
        number = self.number(members)
        known = self._held.get(number)
        if number > self.most or (known is not None and loss >= known.loss - _BETTER * self.problem.total):
            return False
        self._held[number] = Held(members, loss)
        self._changed.add(number)
        return True

    def search_all(self, largest: int, progress: Callable[[float], None]) -> None:
        """Compares all sets of up to ``largest`` units."""
        n, done = self.problem.n_units, 0
        total = number_of_supports(n, largest)
        for size in range(1, min(n, largest) + 1):
            count = number_of_supports(n, size) - number_of_supports(n, size - 1)
            for start in range(0, count, _BLOCK):
                supports = unrank(np.arange(start, min(start + _BLOCK, count)), n, size)
                losses = self.problem.losses(supports)
                numbers = self.counts[supports].sum(axis=1)
                for number in np.unique(numbers):
                    own = np.flatnonzero(numbers == number)
                    place = own[np.argmin(losses[own])]
                    self._take(tuple(supports[place].tolist()), float(losses[place]))
                done += len(supports)
                progress(done / total)
        self._changed.clear()

    def improve(self, progress: Callable[[float], None]) -> None:
        """Adds, drops and swaps units until no set of any number of modes becomes better by one such move."""
        steps = 0
        while self._changed:
            number = min(self._changed)
            self._changed.discard(number)
            self._moves(np.array(self._held[number].support, dtype=np.int64))
            steps += 1
            progress(1.0 - (len(self._changed) + 1) / (len(self._changed) + 1 + steps))
        progress(1.0)

    def _moves(self, support: IntArray) -> None:
        """Offers the best result of each kind of move."""
        columns = (2 * support[:, None] + np.arange(2)).ravel()
        inverse = np.linalg.pinv(self._gram[np.ix_(columns, columns)], rcond=1e-13, hermitian=True)
        self._offer_additions(support, columns, inverse)
        for place in range(len(support)):
            rest = np.delete(support, place)
            self.offer(rest)
            kept = np.delete(np.arange(len(columns)), (2 * place, 2 * place + 1))
            own = np.array([2 * place, 2 * place + 1])
            block = np.linalg.pinv(inverse[np.ix_(own, own)], hermitian=True)
            cross = inverse[np.ix_(kept, own)]
            self._offer_additions(
                rest, columns[kept], inverse[np.ix_(kept, kept)] - cross @ block @ cross.T, int(support[place])
            )

    def _offer_additions(self, support: IntArray, columns: IntArray, inverse: FloatArray, dropped: int = -1) -> None:
        """Offers the set with the pair, and with the real mode, that lowers the loss most."""
        gains = self._gains(columns, inverse)
        gains[support] = -np.inf
        if dropped >= 0:
            gains[dropped] = -np.inf
        for count in (1, 2):
            own = np.flatnonzero((self.counts == count) & np.isfinite(gains))
            if len(own):
                self.offer((*support.tolist(), int(own[np.argmax(gains[own])])))

    def _gains(self, columns: IntArray, inverse: FloatArray) -> FloatArray:
        """Returns how much the loss falls when each unit is added, (n_units,)."""
        n, products = self.problem.n_units, self.problem.products
        cross = self._gram[columns]
        solved = inverse @ cross
        left = (products - solved.T @ products[columns]).reshape(n, 2, -1)
        pairs, turned = cross.reshape(len(columns), n, 2), solved.reshape(len(columns), n, 2)
        diagonal = self._gram.reshape(n, 2, n, 2)[np.arange(n), :, np.arange(n), :]
        blocks = diagonal - np.einsum("cui,cuj->uij", pairs, turned)
        values, vectors = np.linalg.eigh(0.5 * (blocks + blocks.transpose(0, 2, 1)))
        along = np.einsum("uij,uio->ujo", vectors, left)
        return np.asarray((np.where(values > _FLAT, 1.0 / np.maximum(values, _FLAT), 0.0) * (along**2).sum(axis=2)).sum(axis=1))
