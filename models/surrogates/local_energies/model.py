"""Fitted local energies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.linalg import eigh

from tansaku.models.domain.pool import FloatArray, IntArray
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.surrogate import LocalEnergiesSpec
from tansaku.models.domain.surrogates import DeviceChoice, Estimate, Example, Prediction, Weights
from tansaku.models.surrogates.calibration import ErrorModel
from tansaku.models.surrogates.local_energies.columns import Columns
from tansaku.models.surrogates.local_energies.system import Solution
from tansaku.models.surrogates.reading import reading


@dataclass(frozen=True)
class Leverage:
    """The distance of rows from the training data: h = xᵀ M⁻¹ x, with M the mean of x xᵀ over these data.

    Attributes:
        columns: Columns in use, shape ``(n_used,)``.
        factor: ``h = |factor @ x|²``, shape ``(rank, n_used)``.
    """

    columns: IntArray
    factor: FloatArray

    @classmethod
    def of(cls, second_moment: FloatArray, used: IntArray) -> Leverage:
        """Builds it from the mean of x xᵀ over the training rows, of the columns in use, shape ``(n_used, n_used)``."""
        values, vectors = eigh(second_moment)
        # Directions without variance in the training data are left out; a row far out along them is far in the others too.
        kept = values > 1e-10 * values[-1]
        return cls(used, (vectors[:, kept] / np.sqrt(values[kept])).T)

    def of_rows(self, rows: FloatArray) -> FloatArray:
        """Leverage of rows of all columns, shape ``(n_rows,)``."""
        return np.asarray(((rows[:, self.columns] @ self.factor.T) ** 2).sum(axis=1))


TYPE = "local_energies"
SCHEMA_VERSION = 1


@dataclass(frozen=True)
class LocalEnergies:
    """Surrogate of atomic energies and their sum.

    Attributes:
        columns: How rows are made of a structure.
        solution: Coefficients and intercepts.
        offset: Energy per atom that was subtracted before fitting [eV].
        leverage: Distance from the training data.
        of_cells: Error of a cell's energy per atom.
        training: The hyper-parameters that training chose, for the record.
    """

    columns: Columns
    solution: Solution
    offset: float
    leverage: Leverage
    of_atoms: ErrorModel
    of_cells: ErrorModel
    training: JsonDict

    @property
    def spec(self) -> LocalEnergiesSpec:
        """Hyper-parameters."""
        return self.columns.spec

    @property
    def predicts(self) -> tuple[str, ...]:
        """Energies of the atoms and of the structure."""
        return ("energies", "energy")

    def predict(self, examples: Sequence[Example]) -> list[Prediction]:
        """Predictions in the order of the examples."""
        return [self._predict(example) for example in examples]

    def rows(self, example: Example) -> FloatArray:
        """Standardised features of the atoms, those in use, shape ``(n_atoms, n_used)``."""
        used = np.flatnonzero(self.solution.coefficients)
        return np.asarray(self.columns.rows(example)[:, used])

    def rescaled(self, factors: Mapping[str, float]) -> LocalEnergies:
        """The same predictions with other deviations, as ``Rescalable`` says."""
        of_atoms, of_cells = (factors.get(name, 1.0) for name in self.predicts)
        return replace(self, of_atoms=self.of_atoms.rescaled(of_atoms), of_cells=self.of_cells.rescaled(of_cells))

    def weights(self) -> Weights:
        """Returns the weights and metadata from which :func:`restored` rebuilds the model."""
        document: JsonDict = {
            "type": TYPE,
            "schema_version": SCHEMA_VERSION,
            "spec": self.spec.model_dump(mode="json"),
            "species": list(self.columns.species),
            "offset": self.offset,
            "of_atoms": self.of_atoms.document(),
            "of_cells": self.of_cells.document(),
            "training": self.training,
        }
        arrays = {
            "mean": self.columns.mean,
            "scale": self.columns.scale,
            "kept": self.columns.kept,
            "coefficients": self.solution.coefficients,
            "intercepts": self.solution.intercepts,
            "leverage_columns": self.leverage.columns.astype(np.int64),
            "leverage_factor": self.leverage.factor,
        }
        return Weights(arrays, document)

    @classmethod
    def from_weights(cls, weights: Weights, _device: DeviceChoice = "cpu") -> LocalEnergies:
        """Rebuilds the model from its weights. Raises as :func:`reading` does."""
        document, arrays = weights.document, weights.arrays
        with reading(weights, TYPE, SCHEMA_VERSION):
            columns = Columns(
                spec=LocalEnergiesSpec.model_validate(document["spec"]),
                species=tuple(document["species"]),
                mean=arrays["mean"],
                scale=arrays["scale"],
                kept=arrays["kept"].astype(np.bool_),
            )
            return cls(
                columns=columns,
                solution=Solution(arrays["coefficients"], arrays["intercepts"]),
                offset=float(document["offset"]),
                leverage=Leverage(arrays["leverage_columns"].astype(np.intp), arrays["leverage_factor"]),
                of_atoms=ErrorModel(**document["of_atoms"]),
                of_cells=ErrorModel(**document["of_cells"]),
                training=document["training"],
            )

    def _predict(self, example: Example) -> Prediction:
        rows = self.columns.rows(example)
        count = self.columns.n_features
        values = rows[:, :count] @ self.solution.coefficients + rows[:, count:] @ self.solution.intercepts + self.offset
        mean = rows.mean(axis=0, keepdims=True)
        of_cell = self.of_cells.deviation(self.leverage.of_rows(mean))[0] * len(values)
        return {
            "energies": Estimate(values, self.of_atoms.deviation(self.leverage.of_rows(rows))),
            "energy": Estimate(np.asarray(values.sum()), np.asarray(of_cell)),
        }
