"""Predictions for a user's structures, written beside them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from tansaku.models.domain.pool import FloatArray
from tansaku.models.domain.surrogates import Example, Prediction, Surrogate
from tansaku.tasks.loop.datasets.extxyz import read_structures, write_extxyz

PREDICTED = "predicted_"
DEVIATION = "_deviation"


def predict_file(model: Surrogate, source: Path, out: Path) -> list[Example]:
    """Predicts for every structure of an extended XYZ file.

    Args:
        source: Structures; what else the file holds is left out.
        out: Gets the structures with ``predicted_energies``, ``predicted_energies_deviation`` and so on.

    Returns:
        What was written.

    Raises:
        ConfigurationError: A file cannot be read or written.
        FitError: A structure is none that the model can say anything of.
    """
    examples = read_structures(source)
    found = [
        replace(example, properties=_named(prediction))
        for example, prediction in zip(examples, model.predict(examples), strict=True)
    ]
    write_extxyz(found, out)
    return found


def _named(prediction: Prediction) -> dict[str, FloatArray]:
    named: dict[str, FloatArray] = {}
    for name, estimate in prediction.items():
        named[f"{PREDICTED}{name}"] = np.asarray(estimate.values)
        if estimate.deviation is not None:
            named[f"{PREDICTED}{name}{DEVIATION}"] = np.asarray(estimate.deviation)
    return named
