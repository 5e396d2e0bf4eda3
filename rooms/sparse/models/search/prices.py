"""Accuracy against the price of the columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tansaku.models.averaging.subsets import FloatArray, IntArray
from tansaku.sparse.models.search.exhaustive import AllEnergies
from tansaku.sparse.models.search.landscape import members

Support = tuple[int, ...]


@dataclass(frozen=True)
class Offer:
    """A support that no cheaper or equally expensive one beats.

    Attributes:
        support: Units.
        price: Sum of the prices of its units.
        energy: Of the support.
    """

    support: Support
    price: float
    energy: float


@dataclass(frozen=True)
class Worth:
    """Effect of leaving out a column.

    Attributes:
        column: Of the table.
        price: Of the column.
        change: Divergence of the posterior without the column from the posterior with it [nats].
    """

    column: int
    price: float
    change: float

    @property
    def per_price(self) -> float | None:
        """Change that a unit of price buys; None: the column is free."""
        return self.change / self.price if self.price > 0.0 else None


def worths(log_without: FloatArray, prices: FloatArray) -> list[Worth]:
    """Columns by what each is worth for its price, free ones first.

    The posterior restricted to the models without a column diverges from the whole posterior by ``-log P(without)`` (Kullback
    and Leibler 1951, doi:10.1214/aoms/1177729694): 0 for a column that no model needs, large for one that all need.

    Args:
        log_without: Logarithm of the probability that a column does not belong to the support, (n_columns,).
        prices: Of the columns, (n_columns,).
    """
    changes = np.maximum(-log_without, 0.0)
    found = [Worth(place, float(prices[place]), float(change)) for place, change in enumerate(changes)]
    return sorted(found, key=lambda item: (-np.inf if item.per_price is None else -item.per_price, -item.change, item.column))


def front(offers: Sequence[Offer]) -> list[Offer]:
    """Offers that are better than every cheaper one, by rising price."""
    best: list[Offer] = []
    for offer in sorted(offers, key=lambda item: (item.price, item.energy, len(item.support), item.support)):
        if not best or offer.energy < best[-1].energy:
            best.append(offer)
    return best


def front_of_all(found: AllEnergies, prices: FloatArray) -> list[Offer]:
    """The front over all supports.

    Args:
        prices: Of the units.
    """
    offers: list[Offer] = []
    for size in range(len(found.by_size)):
        for supports, energies in found.blocks(size):
            totals = np.round(prices[supports].sum(axis=1), 9)
            offers += _of_block(supports, energies, totals)
        offers = front(offers)
    return offers


def _of_block(supports: IntArray, energies: FloatArray, totals: FloatArray) -> list[Offer]:
    order = np.lexsort((energies, totals))
    lowest = np.minimum.accumulate(energies[order])
    better = np.concatenate([[True], lowest[1:] < lowest[:-1]])
    return [Offer(members(supports[place]), float(totals[place]), float(energies[place])) for place in order[better]]


def front_of_some(supports: IntArray, energies: FloatArray, prices: FloatArray) -> list[Offer]:
    """The front over a list of supports, as a sampled search has it."""
    return front([
        Offer(units, round(float(prices[list(units)].sum()), 9), float(energy))
        for units, energy in zip(map(members, supports), energies, strict=True)
    ])  # fmt: skip
