"""Radial distribution functions as descriptors, and their difference to the perfect crystal's."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.pool import FloatArray


@dataclass(frozen=True)
class RadialGrid:
    """Equal bins from 0 to ``cutoff``.

    Attributes:
        cutoff: [Å]
        bins: Number of bins.
        smearing: Standard deviation of the Gaussian that represents one distance [Å]; a distance then changes the
            descriptor smoothly as it crosses from bin to bin.
    """

    cutoff: float = 10.0
    bins: int = 100
    smearing: float = 0.1

    def __post_init__(self) -> None:
        if not (self.cutoff > 0 and self.bins > 0 and self.smearing > 0):
            raise ConfigurationError(f"radial grid: {self} must have a positive cutoff, number of bins and smearing")

    @property
    def edges(self) -> FloatArray:
        """Bin edges [Å], shape ``(bins + 1,)``."""
        return np.linspace(0.0, self.cutoff, self.bins + 1)

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the features: the bin centres."""
        centres = (self.edges[1:] + self.edges[:-1]) / 2.0
        return tuple(f"g({centre:.3f} Å)" for centre in centres)

    @property
    def reach(self) -> float:
        """Largest distance that still touches a bin [Å]."""
        return self.cutoff + 5.0 * self.smearing

    def distribution(self, distances: FloatArray, weights: FloatArray | None, number: float, density: float) -> FloatArray:
        """Radial distribution g(r) of a set of pairs.

        Args:
            distances: Distances of ordered pairs [Å], shape ``(n_pairs,)``; those above :attr:`reach` do not count.
            weights: How often each pair counts, negative for pairs that are taken away; None for once, shape ``(n_pairs,)``.
            number: Atoms the pairs belong to.
            density: Atoms per volume of the crystal [1/Å^3].

        Returns:
            Pairs per atom and bin over those of a uniform fluid, shape ``(bins,)``.
        """
        # Distances are first shared between the two nearest points of a fine mesh: the Gaussian is then a matrix product, and
        # a distance that lies on a mesh point up to rounding gives the same descriptor on every machine.
        near = distances < self.reach
        place = distances[near] / self._mesh
        below = place.astype(np.intp)
        share = place - below
        weight = np.ones(len(place)) if weights is None else weights[near]
        size = len(self._smearing_matrix)
        counts = np.bincount(below, weights=weight * (1.0 - share), minlength=size)
        counts += np.bincount(below + 1, weights=weight * share, minlength=size)
        shells = 4.0 / 3.0 * math.pi * np.diff(self.edges**3)
        return np.asarray(counts @ self._smearing_matrix / (number * density * shells), dtype=np.float64)

    @property
    def _mesh(self) -> float:
        return self.smearing / 10.0

    @cached_property
    def _smearing_matrix(self) -> FloatArray:
        """Share of a pair at each mesh point that falls into each bin, shape ``(n_mesh, bins)``."""
        from scipy.special import ndtr

        points = np.arange(math.ceil(self.reach / self._mesh) + 2) * self._mesh
        return np.asarray(np.diff(ndtr((self.edges[None, :] - points[:, None]) / self.smearing), axis=1), dtype=np.float64)
