"""What the network is compared with: kernel ridge regression on SOAP, and a linear model of bispectrum components."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np

from benchmarks.potential.fits import judged
from tansaku.models.domain.pool import FloatArray
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.potential import BispectrumSpec
from tansaku.models.domain.specs.surrogate import KernelRidgeSpec
from tansaku.models.domain.surrogates import Estimate, Example, Prediction, TrainingRun
from tansaku.models.surrogates.kernel_ridge.training import KernelRidgeTrainer
from tansaku.models.surrogates.potential.descriptors.contract import open_descriptor
from tansaku.models.surrogates.potential.descriptors.jacobian import describe
from tansaku.models.surrogates.potential.training import set_aside

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
    energies, forces = _rows(training, degree)
    offset, scale = energies.mean(axis=0), np.maximum(energies.std(axis=0), 1e-9)
    known = np.array([float(one.properties["energy"]) / len(one.structure) for one in training])

    def solved(chosen: np.ndarray, ridge: float) -> FloatArray:
        count = sum(forces[place].shape[0] for place in np.flatnonzero(chosen))
        above = np.column_stack([(energies[chosen] - offset) / scale, np.ones(chosen.sum())]) / np.sqrt(chosen.sum())
        below = np.concatenate([forces[place] for place in np.flatnonzero(chosen)]) / scale * np.sqrt(force_weight / count)
        rows = np.concatenate([above, np.column_stack([below, np.zeros(len(below))])])
        targets = [np.ravel(training[int(place)].properties["forces"]) for place in np.flatnonzero(chosen)]
        wanted = np.concatenate(
            [known[chosen] / np.sqrt(chosen.sum()), np.concatenate(targets) * np.sqrt(force_weight / count)]
        )
        penalty = ridge * np.eye(rows.shape[1])
        penalty[-1, -1] = 0.0
        return np.asarray(np.linalg.solve(rows.T @ rows + penalty, rows.T @ wanted))

    def off(ridge: float) -> float:
        found = solved(~aside, ridge)
        return float(np.mean(((energies[aside] - offset) / scale @ found[:-1] + found[-1] - known[aside]) ** 2))

    weights = solved(np.ones(len(training), dtype=np.bool_), min(_RIDGES, key=off))
    seconds = time.perf_counter() - begun
    rows, slopes = _rows(held_out, degree)
    predictions: list[Prediction] = [
        {
            "energy": Estimate(np.asarray(((row - offset) / scale @ weights[:-1] + weights[-1]) * len(one.structure))),
            "forces": Estimate((slope / scale @ weights[:-1]).reshape(-1, 3)),
        }
        for one, row, slope in zip(held_out, rows, slopes, strict=True)
    ]
    return {"seconds": seconds, "components": energies.shape[1], "held_out": judged(held_out, predictions)}


def _rows(examples: Sequence[Example], degree: int) -> tuple[FloatArray, list[FloatArray]]:
    """Mean components of each structure, and minus the derivatives of their sums by the atoms' positions."""
    descriptor = open_descriptor(BispectrumSpec(degree=degree), ("Al",))
    means, slopes = [], []
    for example in examples:
        found = describe(descriptor, [example.structure], ("Al",))
        means.append(found.features.mean(axis=0))
        total = np.zeros((len(example.structure), *found.blocks.shape[1:]))
        np.add.at(total, found.moved, found.blocks)
        slopes.append(-total.transpose(0, 2, 1).reshape(3 * len(example.structure), -1))
    return np.array(means), slopes
