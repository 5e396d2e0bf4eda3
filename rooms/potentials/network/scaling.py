"""Converts descriptors to inputs of networks, and their outputs to energies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tansaku.models.domain.errors import FitError
from tansaku.models.domain.pool import FloatArray, IntArray
from tansaku.potentials.network.network import Architecture

_CONSTANT = 1e-9


@dataclass(frozen=True)
class Scaling:
    """Standardisation, learned from training data.

    Attributes:
        mean: Of each feature over the atoms of each element, shape ``(n_species, n_features)``.
        inverse: Reciprocal standard deviations, zero where a feature does not vary, shape ``(n_species, n_features)``.
        references: Energy of an atom of each element [eV], shape ``(n_species,)``.
        unit: Energy that corresponds to an output of 1 [eV].
    """

    mean: FloatArray
    inverse: FloatArray
    references: FloatArray
    unit: float

    @classmethod
    def learned(cls, features: FloatArray, codes: IntArray, structure: IntArray, energies: FloatArray) -> Scaling:
        """Computes the scaling from training data.

        Args:
            features: Shape ``(n_atoms, n_features)``.
            codes: Element of each atom, shape ``(n_atoms,)``.
            structure: Of each atom, shape ``(n_atoms,)``.
            energies: Of the structures [eV], shape ``(n_structures,)``.

        Raises:
            FitError: No feature varies.
        """
        n_species = int(codes.max()) + 1
        mean = np.array([features[codes == code].mean(axis=0) for code in range(n_species)])
        spread = np.array([features[codes == code].std(axis=0) for code in range(n_species)])
        varies = spread > _CONSTANT * np.maximum(np.abs(mean), 1.0)
        if not varies.any():
            raise FitError("potential: no feature varies over the training data")
        counts = np.zeros((len(energies), n_species))
        np.add.at(counts, (structure, codes), 1.0)
        atoms = counts.sum(axis=1)
        references = np.linalg.lstsq(counts / atoms[:, None], energies / atoms, rcond=None)[0]
        unit = float(np.std((energies - counts @ references) / atoms))
        return cls(mean, np.where(varies, 1.0 / np.where(varies, spread, 1.0), 0.0), references, unit if unit > 1e-12 else 1.0)

    def features(self, raw: FloatArray, codes: IntArray) -> FloatArray:
        """Standardised, shape ``(n_atoms, n_features)``."""
        return np.asarray((raw - self.mean[codes]) * self.inverse[codes])


def expressed(weights: FloatArray, architecture: Architecture, old: Scaling, new: Scaling) -> FloatArray:
    """Converts weights to another standardisation without a change of the predictions; both know the same elements.

    A feature that did not vary before begins without influence.

    Args:
        weights: Of a committee's member, shape ``(n_weights,)``.
        architecture: Of its networks.
        old: With which the weights were trained.
        new: The standardisation to convert them to.
    """
    found = weights.copy()
    size, (width, count) = architecture.per_species, architecture.shapes[0]
    last = architecture.shapes[-1][1] + 1
    for code in range(architecture.n_species):
        mine = found[code * size : (code + 1) * size]
        matrix = mine[: width * count].reshape(width, count)
        mine[width * count : width * (count + 1)] += matrix @ ((new.mean[code] - old.mean[code]) * old.inverse[code])
        known = new.inverse[code] > 0
        matrix *= np.where(known, old.inverse[code] / np.where(known, new.inverse[code], 1.0), 0.0)
        mine[-last:] *= old.unit / new.unit
        mine[-1] += (old.references[code] - new.references[code]) / new.unit
    return found
