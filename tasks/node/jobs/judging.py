"""Errors of predictions, and calibration of their error bars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from tansaku.models.domain.model_registry import Errors
from tansaku.models.domain.pool import FloatArray, IntArray
from tansaku.models.domain.surrogates import Example, Prediction, Rescalable, Surrogate
from tansaku.models.surrogates.calibration import correction

UNITS = {"energies": "eV", "energy": "eV/atom", "forces": "eV/Angstrom", "stress": "eV/Angstrom^3"}
"""Units in which properties are compared: total energies per atom, so that large cells have no extra weight."""

_VANISHES = 1e-7
"""A number that is predicted to be below this vanishes by symmetry, as forces do: it says nothing about the deviations."""

_DIGITS = 9
"""Digits of an energy less the mean of its element [eV]; what is smaller is rounding."""


@dataclass(frozen=True)
class Compared:
    """A property of many structures, computed and predicted, one number after the other.

    Attributes:
        computed: Shape ``(n,)``.
        predicted: Shape ``(n,)``.
        deviation: Of the prediction, shape ``(n,)``; empty where there is none.
        factor: By which the deviations were multiplied because of the errors of held-out groups; None: they were not.
        kinds: Atomic number of the atom that each value belongs to, shape ``(n,)``; None: values belong to no single atom.
    """

    computed: FloatArray
    predicted: FloatArray
    deviation: FloatArray
    unit: str
    factor: float | None = None
    kinds: IntArray | None = None

    def scores(self) -> FloatArray:
        """Sizes of the errors divided by the deviations, shape ``(m,)``; empty without deviations."""
        if not len(self.deviation):
            return self.deviation
        tells = np.abs(self.predicted) > _VANISHES
        return np.asarray(np.abs(self.predicted - self.computed)[tells] / self.deviation[tells])

    def errors(self) -> Errors:
        """Summarises the errors."""
        difference = self.predicted - self.computed
        computed, predicted = self._centred()
        varies = len(difference) > 1 and computed.std() > 0 and predicted.std() > 0
        scores = self.scores()
        return Errors(
            unit=self.unit,
            count=len(difference),
            mae=float(np.abs(difference).mean()),
            rmse=float(np.sqrt((difference**2).mean())),
            correlation=float(np.corrcoef(computed, predicted)[0, 1]) if varies else None,
            within_one=float((scores <= 1).mean()) if len(scores) else None,
            within_two=float((scores <= 2).mean()) if len(scores) else None,
            factor=self.factor,
        )

    def _centred(self) -> tuple[FloatArray, FloatArray]:
        """Computed and predicted values less the mean of their element, where there are several elements.

        Energies of atoms of different elements differ by electronvolts: their correlation would be 1 whatever was predicted.
        """
        if self.kinds is None or len(np.unique(self.kinds)) < 2:
            return self.computed, self.predicted
        computed, predicted = self.computed.copy(), self.predicted.copy()
        for kind in np.unique(self.kinds):
            own = self.kinds == kind
            computed[own] -= computed[own].mean()
            predicted[own] -= predicted[own].mean()
        # In a perfect crystal what is left is rounding.
        return computed.round(_DIGITS), predicted.round(_DIGITS)


def compare(examples: Sequence[Example], predictions: Sequence[Prediction]) -> dict[str, Compared]:
    """Predictions beside what is known, by property; properties of which nothing is known are left out."""
    names = sorted({name for prediction in predictions for name in prediction})
    found = {}
    for name in names:
        computed: list[FloatArray] = []
        predicted: list[FloatArray] = []
        deviation: list[FloatArray] = []
        kinds: list[IntArray] = []
        for example, prediction in zip(examples, predictions, strict=True):
            if name not in example.properties:
                continue
            per = len(example.structure) if name == "energy" else 1
            estimate = prediction[name]
            computed.append(np.ravel(example.properties[name]) / per)
            predicted.append(np.ravel(estimate.values) / per)
            kinds.append(example.structure.numbers)
            if estimate.deviation is not None:
                deviation.append(np.ravel(estimate.deviation) / per)
        if computed:
            found[name] = Compared(
                np.concatenate(computed),
                np.concatenate(predicted),
                np.concatenate(deviation) if len(deviation) == len(computed) else np.empty(0),
                UNITS.get(name, "1"),
                kinds=np.concatenate(kinds) if name == "energies" else None,
            )
    return found


@dataclass(frozen=True)
class Judged:
    """A surrogate with calibrated deviations, beside what is known.

    Attributes:
        surrogate: Its deviations are multiplied by a factor that all held-out groups give.
        sides: Predictions by side and property. Those of a held-out group have the factor that the other groups give, so that
            the share of errors within a deviation is that of data which neither training nor calibration saw.
    """

    surrogate: Surrogate
    sides: Mapping[str, Mapping[str, Compared]]


def judge(surrogate: Surrogate, training: Sequence[Example], held_out: Sequence[Example], *, calibrate: bool) -> Judged:
    """Predicts both sides, and calibrates the deviations on the groups that are held out.

    Args:
        surrogate: Fitted to the training side.
        training: Of that side.
        held_out: Of the other groups.
        calibrate: False: the deviations stay those of the training.
    """
    known, said = surrogate.predict(training), surrogate.predict(held_out)
    factors: dict[str, float] = {}
    if calibrate and isinstance(surrogate, Rescalable):
        scores = _scores_by_group(held_out, said)
        factors = {name: correction(of_groups) for name, of_groups in scores.items()}
        surrogate = surrogate.rescaled(factors)
        known = [_rescaled(prediction, factors) for prediction in known]
        others = {example.group: _without(scores, example.group) for example in held_out}
        said = [_rescaled(prediction, others[example.group]) for example, prediction in zip(held_out, said, strict=True)]
    sides = {"training": compare(training, known), "held_out": compare(held_out, said)}
    for compared in sides.values():
        compared |= {name: replace(item, factor=factors.get(name)) for name, item in compared.items()}
    return Judged(surrogate, sides)


def _scores_by_group(examples: Sequence[Example], predictions: Sequence[Prediction]) -> dict[str, dict[str, FloatArray]]:
    """Errors divided by deviations, by property and group; only where there are some."""
    found: dict[str, dict[str, FloatArray]] = {}
    for group in sorted({example.group for example in examples}):
        mine = [place for place, example in enumerate(examples) if example.group == group]
        for name, compared in compare([examples[place] for place in mine], [predictions[place] for place in mine]).items():
            scores = compared.scores()
            if len(scores):
                found.setdefault(name, {})[group] = scores
    return found


def _without(scores: Mapping[str, Mapping[str, FloatArray]], group: str) -> dict[str, float]:
    """Factors by property that the other groups give."""
    return {
        name: correction({other: found for other, found in of_groups.items() if other != group})
        for name, of_groups in scores.items()
    }


def _rescaled(prediction: Prediction, factors: Mapping[str, float]) -> Prediction:
    """The prediction with deviations multiplied by the factors of their properties."""
    return {
        name: replace(estimate, deviation=None if estimate.deviation is None else estimate.deviation * factors.get(name, 1.0))
        for name, estimate in prediction.items()
    }
