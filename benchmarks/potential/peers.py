"""Methods for comparison with the network: kernel ridge regression on SOAP, and a linear model of bispectrum components."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress

import numpy as np

from benchmarks.potential.fits import judged
from tansaku.models.domain.pool import BoolArray, FloatArray
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.kernel_ridge import KernelRidgeSpec
from tansaku.models.domain.surrogates import Estimate, Example, Prediction, TrainingRun
from tansaku.models.features.species import species_of
from tansaku.models.surrogates.kernel_ridge.training import KernelRidgeTrainer
from tansaku.potentials.network.descriptors.contract import open_descriptor
from tansaku.potentials.network.descriptors.jacobian import describe
from tansaku.potentials.network.training import set_aside
from tansaku.potentials.specs.environment import BispectrumSpec

_RIDGES = (1e-10, 1e-8, 1e-6, 1e-4)


def kernel_ridge(training: Sequence[Example], held_out: Sequence[Example]) -> JsonDict:
    """Gaussian-kernel ridge regression of energies on mean SOAP vectors; it has no forces."""
    begun = time.perf_counter()
    model = KernelRidgeTrainer(KernelRidgeSpec()).fit(training, TrainingRun())
    seconds = time.perf_counter() - begun
    return {"seconds": seconds, "held_out": judged(held_out, model.predict(held_out))}


def bispectrum_ridge(training: Sequence[Example], held_out: Sequence[Example], force_weight: float, degree: int) -> JsonDict:
    """Ridge regression of energies and forces, linear in bispectrum components (Thompson and others 2015).

    doi:10.1016/j.jcp.2014.12.018. The ridge is the one that predicts groups set aside best.

    Args:
        training: To learn from.
        held_out: To judge by.
        force_weight: Of squared errors of forces beside those of energies per atom [Å^2].
        degree: Twice the largest angular momentum.
    """
    begun = time.perf_counter()
    aside = set_aside(training, 0.1, 0)
    species = species_of(item.structure for item in training)
    rows = _rows(training, species, degree)
    known = list(compress(training, ~aside)), rows.some(~aside)
    asked = list(compress(training, aside)), rows.some(aside)

    def off(ridge: float) -> float:
        said = _solved(*known, force_weight, ridge).energies(asked[1])
        return float(np.mean((said - _energies(asked[0])) ** 2))

    model = _solved(training, rows, force_weight, min(_RIDGES, key=off))
    seconds = time.perf_counter() - begun
    others = _rows(held_out, species, degree)
    predictions: list[Prediction] = [
        {"energy": Estimate(np.asarray(energy * len(force.structure))), "forces": Estimate(forces)}
        for force, energy, forces in zip(held_out, model.energies(others), model.forces(others), strict=True)
    ]
    return {"seconds": seconds, "components": rows.means.shape[1], "held_out": judged(held_out, predictions)}


@dataclass(frozen=True)
class _Rows:
    """Inputs of a linear model.

    Attributes:
        means: Components, averaged over atoms, shape ``(n, n_components)``.
        derivatives: Of each structure minus the derivatives of their sums by the atoms' positions, shape
            ``(3 n_atoms, n_components)``.
    """

    means: FloatArray
    derivatives: Sequence[FloatArray]

    def some(self, chosen: BoolArray) -> _Rows:
        """Returns the rows of some structures, given as a mask."""
        return _Rows(self.means[chosen], list(compress(self.derivatives, chosen)))


@dataclass(frozen=True)
class _Linear:
    """Energies per atom as a constant and a sum of standardised components."""

    offset: FloatArray
    scale: FloatArray
    weights: FloatArray
    constant: float

    def energies(self, rows: _Rows) -> FloatArray:
        """Predicts the energies per atom [eV]."""
        return np.asarray((rows.means - self.offset) / self.scale @ self.weights + self.constant)

    def forces(self, rows: _Rows) -> list[FloatArray]:
        """Predicts the forces of each structure [eV/Å]."""
        return [(derivative / self.scale @ self.weights).reshape(-1, 3) for derivative in rows.derivatives]


def _solved(examples: Sequence[Example], rows: _Rows, force_weight: float, ridge: float) -> _Linear:
    """Least squares of energies per atom and forces, each kind by its mean square."""
    offset, scale = rows.means.mean(axis=0), np.maximum(rows.means.std(axis=0), 1e-9)
    derivatives = np.concatenate(rows.derivatives) / scale
    of_energies, of_forces = 1.0 / np.sqrt(len(examples)), np.sqrt(force_weight / len(derivatives))
    # The derivative of the constant is zero.
    matrix = np.concatenate(
        [
            np.column_stack([(rows.means - offset) / scale, np.ones(len(examples))]) * of_energies,
            np.column_stack([derivatives, np.zeros(len(derivatives))]) * of_forces,
        ]
    )
    forces = np.concatenate([np.ravel(example.properties["forces"]) for example in examples])
    wanted = np.concatenate([_energies(examples) * of_energies, forces * of_forces])
    penalty = ridge * np.eye(matrix.shape[1])
    penalty[-1, -1] = 0.0
    *weights, constant = np.linalg.solve(matrix.T @ matrix + penalty, matrix.T @ wanted)
    return _Linear(offset, scale, np.array(weights), float(constant))


def _energies(examples: Sequence[Example]) -> FloatArray:
    return np.array([float(example.properties["energy"]) / len(example.structure) for example in examples])


def _rows(examples: Sequence[Example], species: tuple[str, ...], degree: int) -> _Rows:
    descriptor = open_descriptor(BispectrumSpec(degree=degree), species)
    means, derivatives = [], []
    for example in examples:
        found = describe(descriptor, [example.structure], species)
        means.append(found.features.mean(axis=0))
        total = np.zeros((len(example.structure), *found.blocks.shape[1:]))
        np.add.at(total, found.moved, found.blocks)
        derivatives.append(-total.transpose(0, 2, 1).reshape(3 * len(example.structure), -1))
    return _Rows(np.array(means), derivatives)
