"""Rows of the regression: features standardised once, in a block of columns of the atom's own element."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tansaku.models.domain.errors import FitError
from tansaku.models.domain.pool import FloatArray
from tansaku.models.domain.specs.surrogate import LocalEnergiesSpec
from tansaku.models.domain.surrogates import Example
from tansaku.models.features.atomic_environment import environment_features, feature_counts
from tansaku.models.features.species import species_of

_CONSTANT = 1e-9

_LEAST_VARIATION = 1e-3
"""A feature's scale is at least this share of the largest scale of its descriptor. Without this limit a feature that hardly
varies over the training atoms, such as the tail of a Gaussian at a distance where they have no neighbour, is a thousand
deviations for the first atom that has one. With few boundaries in training it lowered the error on others to between a half
and a fifth."""


@dataclass(frozen=True)
class Columns:
    """Descriptors, means and scales by which rows are made.

    Attributes:
        spec: The descriptors.
        species: Elements, in order.
        mean: Of each feature over the training atoms of each element, shape ``(n_species, n_raw)``.
        scale: Standard deviations, not below the least scale, shape ``(n_species, n_raw)``.
        kept: Features that vary at all, shape ``(n_species, n_raw)``.
    """

    spec: LocalEnergiesSpec
    species: tuple[str, ...]
    mean: FloatArray
    scale: FloatArray
    kept: npt.NDArray[np.bool_]

    @property
    def n_features(self) -> int:
        """Penalised columns."""
        return int(self.kept.sum())

    @classmethod
    def learned(cls, spec: LocalEnergiesSpec, examples: Sequence[Example], raw: Sequence[FloatArray]) -> Columns:
        """Standardisation from training data.

        Args:
            raw: Their features.

        Raises:
            FitError: No feature varies.
        """
        species = species_of(item.structure for item in examples)
        every = np.vstack(raw)
        codes = np.concatenate([_codes(example, species) for example in examples])
        mean = np.array([every[codes == code].mean(axis=0) for code in range(len(species))])
        scale = np.array([every[codes == code].std(axis=0) for code in range(len(species))])
        kept = scale > _CONSTANT * np.maximum(np.abs(mean), 1.0)
        if not kept.any():
            raise FitError("local_energies: no feature varies over the training data")
        ends = np.cumsum(feature_counts(spec.descriptors, species))[:-1]
        for block in np.split(scale, ends, axis=1):
            np.maximum(block, _LEAST_VARIATION * block.max(axis=1, keepdims=True), out=block)
        return cls(spec, species, mean, np.where(kept, scale, 1.0), kept)

    def rows(self, example: Example, raw: FloatArray | None = None) -> FloatArray:
        """Columns of a structure's atoms, features first, then one indicator per element.

        Returns:
            Shape ``(n_atoms, n_features + n_species)``.

        Raises:
            FitError: An element that the training data did not have.
        """
        codes = _codes(example, self.species)
        raw = raw_features(self.spec, example, self.species) if raw is None else raw
        blocks = []
        for code in range(len(self.species)):
            block = (raw - self.mean[code]) / self.scale[code]
            block[codes != code] = 0.0
            blocks.append(block[:, self.kept[code]])
        indicators = (codes[:, None] == np.arange(len(self.species))).astype(np.float64)
        return np.hstack([*blocks, indicators])


def raw_features(spec: LocalEnergiesSpec, example: Example, species: Sequence[str]) -> FloatArray:
    """Features before standardisation, shape ``(n_atoms, n_raw)``."""
    return environment_features(example.structure, spec.descriptors, species)


def _codes(example: Example, species: Sequence[str]) -> npt.NDArray[np.intp]:
    places = {symbol: place for place, symbol in enumerate(species)}
    symbols = example.structure.get_chemical_symbols()
    unknown = sorted(set(symbols) - set(places))
    if unknown:
        raise FitError(
            f"{example.id}: {', '.join(unknown)} was not in the training data; this model knows {', '.join(species)}"
        )
    return np.array([places[symbol] for symbol in symbols], dtype=np.intp)
