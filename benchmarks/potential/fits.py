"""Networks trained on a side of the data and judged by the other, with their learning curves."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.potential.data import kind_of
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.network_potential import PotentialSpec
from tansaku.models.domain.surrogates import Example, Prediction, Progress, TrainingRun
from tansaku.models.surrogates.potential.model import Potential
from tansaku.models.surrogates.potential.training import PotentialTrainer
from tansaku.tasks.training.judging import compare

_NO_FORCE = 1e-3
"""Where no force is larger, all are zero by symmetry up to the accuracy of the calculation [eV/Å]."""


@dataclass(frozen=True)
class Fitted:
    """A training and what came of it.

    Attributes:
        model: The committee.
        seconds: It took so long by the clock [s].
        processor_seconds: All threads together [s].
        curve: Of each cycle the seconds since the start and the errors on training groups and groups set aside [meV/atom].
    """

    model: Potential
    seconds: float
    processor_seconds: float
    curve: Sequence[tuple[float, float, float]]

    def document(self) -> JsonDict:
        """As plain data, without the model."""
        return {
            "structures": self.model.training["structures"],
            "cycles": self.model.training["cycles"],
            "seconds": self.seconds,
            "processor_seconds": self.processor_seconds,
            "curve": [list(one) for one in self.curve],
        }


def fit(spec: PotentialSpec, examples: Sequence[Example], start: Potential | None = None, seed: int = 0) -> Fitted:
    """Trains.

    Args:
        spec: Hyper-parameters.
        examples: To learn from.
        start: Whose weights to begin with.
        seed: Of what is random.
    """
    curve: list[tuple[float, float, float]] = []
    begun, processor = time.perf_counter(), time.process_time()

    def note(progress: Progress) -> None:
        curve.append((time.perf_counter() - begun, progress.training, progress.validation))

    run = TrainingRun(seed=seed, on_progress=note, start=None if start is None else start.weights())
    model = PotentialTrainer(spec).fit(examples, run)
    return Fitted(model, time.perf_counter() - begun, time.process_time() - processor, curve)


def judged(examples: Sequence[Example], predictions: Sequence[Prediction]) -> JsonDict:
    """Errors of all held-out structures and of each kind of scan [meV/atom, meV/Å]."""
    kinds = sorted({kind_of(one.group) for one in examples})
    found = _errors(examples, predictions)
    found["by_kind"] = {}
    for kind in kinds:
        mine = [place for place, one in enumerate(examples) if kind_of(one.group) == kind]
        found["by_kind"][kind] = _errors([examples[place] for place in mine], [predictions[place] for place in mine])
    return found


def _errors(examples: Sequence[Example], predictions: Sequence[Prediction]) -> JsonDict:
    # Forces that vanish by symmetry are no achievement.
    moved = [
        one
        if np.abs(one.properties["forces"]).max() > _NO_FORCE
        else replace(one, properties={"energy": one.properties["energy"]})
        for one in examples
    ]
    compared = compare(moved, predictions)
    names = {"energy": "energy_rmse_mev_per_atom", "forces": "force_rmse_mev_per_angstrom"}
    found: JsonDict = {}
    for name, key in names.items():
        if name in compared:
            errors = compared[name].errors()
            found[key] = 1000.0 * errors.rmse
            found[f"{name}_within_one_deviation"] = errors.within_one
    found["structures"] = len(examples)
    return found


def parity(examples: Sequence[Example], predictions: Sequence[Prediction]) -> JsonDict:
    """Computed and predicted energies per atom [eV], for the figure."""
    sizes = np.array([len(one.structure) for one in examples])
    computed = np.array([float(one.properties["energy"]) for one in examples]) / sizes
    predicted = np.array([float(one["energy"].values) for one in predictions]) / sizes
    return {"computed": computed.round(5).tolist(), "predicted": predicted.round(5).tolist()}
