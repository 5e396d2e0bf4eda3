"""Shapes of peaks and the dictionary of all peaks that a spectrum may have."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal, Self

import numpy as np

from tansaku.models.averaging.subsets import EMPTY, FloatArray, IntArray, Units
from tansaku.models.domain.errors import ConfigurationError

ShapeName = Literal["gaussian", "lorentzian", "pseudo_voigt"]
MIXINGS: dict[ShapeName, tuple[float, ...]] = {
    "gaussian": (0.0,),
    "lorentzian": (1.0,),
    "pseudo_voigt": tuple(np.linspace(0.0, 1.0, 11).tolist()),
}
"""Shares of the Lorentzian that a shape may have."""

_PER_WIDTH = 25  # positions per smallest width: finer than a peak of usual noise can be located
_PER_OCTAVE = 8  # widths per factor of two
_MOST = 20_000_000  # members of a dictionary
_REACHES = np.array([1, 3, 10, 30])  # typical steps of a move to a neighbour, on the grid


def shape_of(name: str) -> ShapeName:
    """A shape by its name.

    Raises:
        ConfigurationError: There is none of this name.
    """
    for shape in MIXINGS:
        if shape == name:
            return shape
    raise ConfigurationError(f"shape {name!r}: expected {', '.join(MIXINGS)}")


def profile(x: FloatArray, position: FloatArray, width: FloatArray, mixing: FloatArray) -> FloatArray:
    """Pseudo-Voigt peaks of height 1: ``m / (1 + 4 u^2) + (1 - m) exp(-4 ln 2 u^2)`` with ``u = (x - position) / width``.

    Args:
        x: Where, (n_points,).
        position: Of the maximum, (...).
        width: Full width at half maximum, (...).
        mixing: Share of the Lorentzian, 0 to 1, (...).

    Returns:
        (..., n_points).
    """
    square = 4.0 * ((x - position[..., None]) / width[..., None]) ** 2
    share = mixing[..., None]
    if not np.any(mixing):
        return np.asarray(np.exp(-np.log(2.0) * square))
    return np.asarray(share / (1.0 + square) + (1.0 - share) * np.exp(-np.log(2.0) * square))


@dataclass(frozen=True)
class PeakDictionary:
    """All peaks on a grid of position, width and shape, too many to be stored as columns.

    Attributes:
        low: Lowest position.
        high: Highest position.
        narrowest: Smallest full width at half maximum.
        widest: Largest full width at half maximum.
    """

    low: float
    high: float
    narrowest: float
    widest: float
    shape: ShapeName = "gaussian"

    @classmethod
    def over(cls, x: FloatArray, widths: tuple[float, float] | None = None, shape: ShapeName = "gaussian") -> Self:
        """All peaks in the range of a spectrum.

        Args:
            x: Positions of its points, rising, (n_points,).
            widths: Smallest and largest full width at half maximum; None: three points, and a fifth of the range.
            shape: Of the peaks.

        Raises:
            ConfigurationError: A width cannot be used.
        """
        spacing, extent = float(np.median(np.diff(x))), float(np.ptp(x))
        narrowest, widest = widths or (3.0 * spacing, max(0.2 * extent, 3.0 * spacing))
        if widest > extent:
            raise ConfigurationError(f"widths {narrowest:g} {widest:g}: the spectrum is {extent:g} wide")
        return cls(float(x[0]), float(x[-1]), narrowest, widest, shape)

    def __post_init__(self) -> None:
        if not (np.isfinite([self.low, self.high]).all() and self.low < self.high):
            raise ConfigurationError(f"positions {self.low:g} to {self.high:g}: expected a range")
        if not 0.0 < self.narrowest <= self.widest:
            raise ConfigurationError(f"widths {self.narrowest:g} to {self.widest:g}: expected a range above 0")
        members = (self.high - self.low) / self.narrowest * _PER_WIDTH * len(self.widths) * len(MIXINGS[self.shape])
        if members > _MOST:
            raise ConfigurationError(
                f"smallest width {self.narrowest:g}: {members:.0f} peaks on the grid, at most {_MOST}; "
                "raise it or shorten the range"
            )

    @cached_property
    def positions(self) -> FloatArray:
        """Positions, rising."""
        count = int(np.ceil((self.high - self.low) / self.narrowest * _PER_WIDTH)) + 1
        return np.linspace(self.low, self.high, count)

    @cached_property
    def widths(self) -> FloatArray:
        """Widths, rising in equal factors."""
        count = int(np.ceil(np.log2(self.widest / self.narrowest) * _PER_OCTAVE)) + 1
        return np.geomspace(self.narrowest, self.widest, count)

    @property
    def mixings(self) -> FloatArray:
        """Shares of the Lorentzian."""
        return np.array(MIXINGS[self.shape])

    @property
    def counts(self) -> tuple[int, int, int]:
        """Number of positions, widths and mixings."""
        return len(self.positions), len(self.widths), len(self.mixings)

    @property
    def size(self) -> int:
        """Number of members."""
        return int(np.prod(self.counts))

    def parameters(self, members: IntArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Positions, widths and mixings of members; those of the first member for EMPTY."""
        place, width, mixing = np.unravel_index(np.where(members == EMPTY, 0, members), self.counts)
        return self.positions[place], self.widths[width], self.mixings[mixing]

    def columns(self, members: IntArray, x: FloatArray) -> FloatArray:
        """The peaks, (..., n_points)."""
        return profile(x, *self.parameters(members))

    def nearest(self, position: FloatArray, width: FloatArray, mixing: FloatArray) -> IntArray:
        """The members nearest to peaks."""
        return np.asarray(
            np.ravel_multi_index(
                (
                    np.abs(self.positions - position[..., None]).argmin(axis=-1),
                    np.abs(np.log(self.widths / width[..., None])).argmin(axis=-1),
                    np.abs(self.mixings - mixing[..., None]).argmin(axis=-1),
                ),
                self.counts,
            )
        )


@dataclass(frozen=True)
class PeakUnits(Units):
    """The members of a dictionary as units of a sampled search, counted by position."""

    dictionary: PeakDictionary

    @classmethod
    def of(cls, dictionary: PeakDictionary) -> PeakUnits:
        """All members."""
        return cls(dictionary.size, dictionary)

    @property
    def n_bins(self) -> int:
        """Bins of the widest peaks' width: narrower ones would count a peak's uncertain position as disagreement."""
        return max(1, int((self.dictionary.high - self.dictionary.low) / self.dictionary.widest))

    def bins(self, units: IntArray) -> IntArray:
        """The bin of each member's position."""
        place = units // (self.dictionary.counts[1] * self.dictionary.counts[2])
        return np.asarray(place * self.n_bins // self.dictionary.counts[0])

    def neighbours(self, units: IntArray, rng: np.random.Generator) -> IntArray | None:
        """Members with another position, width or mixing, a few steps away on the grid."""
        counts = np.array(self.dictionary.counts)
        held = np.array(np.unravel_index(np.where(units == EMPTY, 0, units), self.dictionary.counts))
        reach = rng.choice(_REACHES, size=len(units))
        steps = np.rint(reach * rng.normal(size=held.shape)).astype(np.int64)
        # Move along one axis or along all: one alone cannot follow the correlation of width and mixing.
        axis = rng.integers(0, len(counts) + 1, size=len(units))
        steps[(axis < len(counts)) & (np.arange(len(counts))[:, None] != axis)] = 0
        moved = held + steps
        inside = ((moved >= 0) & (moved < counts[:, None])).all(axis=0) & (units != EMPTY)
        found = np.ravel_multi_index(tuple(np.clip(moved, 0, counts[:, None] - 1)), self.dictionary.counts)
        return np.asarray(np.where(inside, found, EMPTY))
