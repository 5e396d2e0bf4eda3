"""A fine structure chi(k), its range, window and weight."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.interpolate import BSpline

from tansaku.models.averaging.subsets import FloatArray
from tansaku.models.domain.errors import ConfigurationError

_FEWEST = 40
_LARGEST = 40.0  # 1/A
_DENSE = 1.25  # waves of the background per distance that the range of k can tell apart
_LEAST = 0.003  # smallest singular value of the background's functions, of the largest


@dataclass(frozen=True)
class Choice:
    """Part of a fine structure that is explained, and its weighting.

    Attributes:
        low: Smallest wavenumber [1/A].
        high: Largest wavenumber [1/A]; None: the data's.
        power: Of k, by which the fine structure is multiplied. The noise is taken as even after that.
        sill: Width of the Hanning sills at both ends of the window [1/A], centred on the ends.
        background: Distance up to which smooth remains of the background are taken out [A]; 0: none are.
    """

    low: float = 3.0
    high: float | None = None
    power: int = 1
    sill: float = 1.0
    background: float = 1.0

    def __post_init__(self) -> None:
        if not (np.isfinite(self.low) and 0.5 <= self.low < _LARGEST):
            raise ConfigurationError(f"k from {self.low:g}: expected 0.5 to {_LARGEST:g} 1/A")
        if self.high is not None and not self.low + 2.0 <= self.high <= _LARGEST:
            raise ConfigurationError(f"k up to {self.high:g}: expected {self.low + 2.0:g} to {_LARGEST:g} 1/A")
        if self.power not in range(5):
            raise ConfigurationError(f"k-weight {self.power}: expected 0 to 4")
        if not 0.0 <= self.sill <= 4.0:
            raise ConfigurationError(f"sill {self.sill:g}: expected 0 to 4 1/A")
        if not 0.0 <= self.background <= 2.0:
            raise ConfigurationError(f"background {self.background:g}: expected 0 to 2 A")


@dataclass(frozen=True, eq=False)
class FineStructure:
    """The part of a fine structure that is explained.

    Attributes:
        k: Wavenumber, rising [1/A], (n_points,).
        chi: (n_points,).
        choice: Range, weight and window.
        tilt: Power of k by which the noise grows after the weighting; it is taken off the weight's.
    """

    k: FloatArray
    chi: FloatArray
    choice: Choice
    tilt: float = 0.0

    @classmethod
    def of(cls, k: FloatArray, chi: FloatArray, choice: Choice) -> FineStructure:
        """The part of the data inside the window.

        Raises:
            ConfigurationError: Too few points are inside.
        """
        high = float(k[-1]) if choice.high is None else choice.high
        window = hanning(k, choice.low, high, choice.sill)
        inside = (window > 0.0) & (k > 0.0)
        if inside.sum() < _FEWEST:
            raise ConfigurationError(
                f"{inside.sum()} points between {choice.low:g} and {high:g} 1/A; expected at least {_FEWEST}"
            )
        return cls(k[inside], chi[inside], Choice(choice.low, high, choice.power, choice.sill, choice.background))

    @property
    def high(self) -> float:
        """Largest wavenumber of the window's middle [1/A]."""
        return float(self.k[-1]) if self.choice.high is None else self.choice.high

    @cached_property
    def window(self) -> FloatArray:
        """Between 0 and 1, (n_points,)."""
        return hanning(self.k, self.choice.low, self.high, self.choice.sill)

    @cached_property
    def weights(self) -> FloatArray:
        """Powers of k times the window."""
        return np.asarray(self.k ** (self.choice.power - self.tilt) * self.window)

    @cached_property
    def background(self) -> FloatArray:
        """The functions that waves of all distances up to the background's are made of, (n_points, n_functions).

        They leave over a hundredth of such a wave at most. Splines with knots pi / (2 R) apart would leave over an eighth of
        one at 0.8 R, which shells would then explain.
        """
        if not self.choice.background:
            return np.empty((len(self.k), 0))
        away = self.k - self.k.mean()
        count = int(np.ceil(_DENSE * 2.0 * self.choice.background * np.ptp(self.k) / np.pi))
        waves = np.exp(2j * np.outer(away, np.linspace(0.0, self.choice.background, count + 1)[1:]))
        basis = np.column_stack([np.ones(len(away)), away, waves.real, waves.imag])
        _, values, turns = np.linalg.svd(basis * self.weights[:, None], full_matrices=False)
        sound = values > _LEAST * values[0]
        return np.asarray(basis @ (turns[sound].T / values[sound]))

    def transform(self, chi: FloatArray, distances: FloatArray) -> np.ndarray:
        """Fourier transform of the weighted fine structure at distances [A], without phase correction, (..., n_distances)."""
        steps = np.gradient(self.k) * self.k**self.tilt
        return np.asarray((chi * self.weights * steps) @ np.exp(2j * self.k[:, None] * distances) / np.sqrt(np.pi))


def hanning(k: FloatArray, low: float, high: float, sill: float) -> FloatArray:
    """A window that rises as a squared sine over a sill centred on each end."""
    if sill == 0.0:
        return np.asarray(((k >= low) & (k <= high)).astype(np.float64))
    rise = np.clip((k - low) / sill + 0.5, 0.0, 1.0)
    fall = np.clip((high - k) / sill + 0.5, 0.0, 1.0)
    return np.asarray((np.sin(0.5 * np.pi * rise) * np.sin(0.5 * np.pi * fall)) ** 2)


def spline_basis(k: FloatArray, inner: int) -> FloatArray:
    """Cubic splines on the range of k with equidistant inner knots, (n_points, inner + 4)."""
    knots = np.linspace(k[0], k[-1], inner + 2)
    whole = np.concatenate([np.full(3, knots[0]), knots, np.full(3, knots[-1])])
    return np.asarray(BSpline.design_matrix(np.clip(k, knots[0], knots[-1]), whole, 3).toarray())
