"""Training: from examples to an evaluated surrogate, without a database; used by a command and by compute nodes."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.model_registry import Errors
from tansaku.models.domain.specs.surrogate import ModelSpec
from tansaku.models.domain.surrogates import (
    Array,
    Example,
    Progress,
    Surrogate,
    TrainingRun,
    Weights,
)
from tansaku.models.features.species import species_of
from tansaku.models.surrogates.surrogate_registry import build_trainer, computed_on
from tansaku.tasks.node.jobs.judging import Compared, judge
from tansaku.tasks.node.jobs.splitting import Side, side_of

_LABEL = "label_"


@dataclass(frozen=True)
class Fitted:
    """A training that has ended.

    Attributes:
        surrogate: What was trained.
        sides: Predictions beside what is known, by side and property.
        curve: Learning curve.
        seconds: Training took so long [s].
        device: Where it computed: ``cpu`` or ``cuda``.
    """

    surrogate: Surrogate
    sides: Mapping[str, Mapping[str, Compared]]
    curve: Sequence[Progress]
    seconds: float
    device: str

    def errors(self) -> dict[str, dict[str, Errors]]:
        """Errors by side and property."""
        return {side: {name: item.errors() for name, item in compared.items()} for side, compared in self.sides.items()}

    def report(self) -> Weights:
        """Predictions and learning curve as data, for figures."""
        arrays: dict[str, Array] = {}
        for side, compared in self.sides.items():
            for name, item in compared.items():
                arrays[f"{side}.{name}.computed"] = item.computed
                arrays[f"{side}.{name}.predicted"] = item.predicted
                arrays[f"{side}.{name}.deviation"] = item.deviation
                if item.kinds is not None:
                    arrays[f"{side}.{name}.kinds"] = np.asarray(item.kinds, dtype=np.int64)
        units = {side: {name: item.unit for name, item in compared.items()} for side, compared in self.sides.items()}
        curve = [vars(item) for item in self.curve]
        return Weights(arrays, {"type": "report", "schema_version": 1, "units": units, "curve": curve})


def learned_from(examples: Sequence[Example], learns: str) -> list[Example]:
    """Examples whose properties are those of one source, under the names that surrogates know.

    Args:
        examples: Of a data set.
        learns: ``calculator`` or ``label``.

    Raises:
        ConfigurationError: The data set has no label.
    """
    found = []
    for example in examples:
        own = {name: value for name, value in example.properties.items() if name.startswith(_LABEL) == (learns == "label")}
        found.append(replace(example, properties={name.removeprefix(_LABEL): value for name, value in own.items()}))
    if not any(example.properties for example in found):
        raise ConfigurationError(f"learns: {learns}, but the data set has no data of a {learns}")
    return found


def beginning(weights: Weights, examples: Sequence[Example]) -> Weights | None:
    """Returns the weights of an earlier version to begin with; None if the data have other elements than its training had.

    Args:
        weights: Of a potential.
        examples: To learn from.
    """
    elements = species_of(example.structure for example in examples)
    return weights if weights.document.get("species") == list(elements) else None


def fit_and_judge(
    spec: ModelSpec,
    examples: Sequence[Example],
    groups: dict[str, Side],
    run: TrainingRun,
    *,
    calibrate: bool = True,
) -> Fitted:
    """Trains on the training groups, predicts both sides, and calibrates the deviations on the held-out groups.

    Args:
        examples: The whole data set, from :func:`learned_from`.
        run: Device, checkpoints, listener, weights to begin with; the seed is the model file's.
        calibrate: False: the deviations stay those of the training.

    Raises:
        ConfigurationError: An example has nothing that this surrogate learns.
        MissingComponentError: A package is not installed.
        FitError: Training failed.
    """
    trainer = build_trainer(spec.surrogate)
    trainer.check()
    for example in examples:
        if not any(name in example.properties for name in trainer.needs):
            raise ConfigurationError(
                f"{example.id}: has none of {', '.join(trainer.needs)}, which {spec.surrogate.type} learns"
            )
    training, held_out = (side_of(examples, groups, side) for side in ("training", "held_out"))
    curve: list[Progress] = []

    def note(progress: Progress) -> None:
        curve.append(progress)
        run.on_progress(progress)

    begun = time.perf_counter()
    surrogate = trainer.fit(training, replace(run, seed=spec.seed, on_progress=note))
    seconds = time.perf_counter() - begun
    judged = judge(surrogate, training, held_out, calibrate=calibrate)
    return Fitted(judged.surrogate, judged.sides, curve, seconds, computed_on(spec.surrogate, run.device))
