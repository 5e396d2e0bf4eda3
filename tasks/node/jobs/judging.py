"""Errors of predictions, and calibration of their error bars."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tansaku.models.domain.model_registry import Errors
from tansaku.models.domain.pool import FloatArray
from tansaku.models.domain.surrogates import Example, Prediction

UNITS = {"energies": "eV", "energy": "eV/atom", "forces": "eV/Angstrom", "stress": "eV/Angstrom^3"}
"""Units in which properties are compared: total energies per atom, so that large cells have no extra weight."""


@dataclass(frozen=True)
class Compared:
    """A property of many structures, computed and predicted, one number after the other.

    Attributes:
        computed: Shape ``(n,)``.
        predicted: Shape ``(n,)``.
        deviation: Of the prediction, shape ``(n,)``; empty where there is none.
        unit: Of all.
    """

    computed: FloatArray
    predicted: FloatArray
    deviation: FloatArray
    unit: str

    def errors(self) -> Errors:
        """Summarises the errors."""
        difference = self.predicted - self.computed
        varies = len(difference) > 1 and self.computed.std() > 0 and self.predicted.std() > 0
        scores = np.abs(difference) / self.deviation if len(self.deviation) else None
        return Errors(
            unit=self.unit,
            count=len(difference),
            mae=float(np.abs(difference).mean()),
            rmse=float(np.sqrt((difference**2).mean())),
            correlation=float(np.corrcoef(self.computed, self.predicted)[0, 1]) if varies else None,
            within_one=float((scores <= 1).mean()) if scores is not None else None,
            within_two=float((scores <= 2).mean()) if scores is not None else None,
        )


def compare(examples: Sequence[Example], predictions: Sequence[Prediction]) -> dict[str, Compared]:
    """Predictions beside what is known, by property; properties of which nothing is known are left out."""
    names = sorted({name for prediction in predictions for name in prediction})
    found = {}
    for name in names:
        computed: list[FloatArray] = []
        predicted: list[FloatArray] = []
        deviation: list[FloatArray] = []
        for example, prediction in zip(examples, predictions, strict=True):
            if name not in example.properties:
                continue
            per = len(example.structure) if name == "energy" else 1
            estimate = prediction[name]
            computed.append(np.ravel(example.properties[name]) / per)
            predicted.append(np.ravel(estimate.values) / per)
            if estimate.deviation is not None:
                deviation.append(np.ravel(estimate.deviation) / per)
        if computed:
            found[name] = Compared(
                np.concatenate(computed),
                np.concatenate(predicted),
                np.concatenate(deviation) if len(deviation) == len(computed) else np.empty(0),
                UNITS.get(name, "1"),
            )
    return found
