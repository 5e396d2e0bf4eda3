"""Networks trained on one side of the data and tested on the other, their learning curves, and properties of crystals."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from benchmarks.potential.crystal import Crystal, constants, energy_curves
from benchmarks.potential.data import in_turn, kind_of
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.surrogates import Example, Prediction, Progress, TrainingRun
from tansaku.potentials.network.model import Potential
from tansaku.potentials.network.training import PotentialTrainer
from tansaku.potentials.specs.network import PotentialSpec
from tansaku.tasks.node.jobs.judging import compare

FORCES: JsonDict = {"force_weight": 0.1, "softening": 1.0}
"""Weights of structures of aluminium, chosen on groups set aside of a first 200; without softening the error is tripled."""
TO_THE_END: JsonDict = {"bootstrap": False, "patience": 250, "trainer": {"type": "levenberg_marquardt", "cycles": 250}}
"""Training of a committee of aluminium; its error on seven training scans set aside is 7.0 meV/atom, with ``bootstrap`` 9.4."""
_NO_FORCE = 1e-3
"""Below this largest force all forces are zero by symmetry, up to the accuracy of the calculation [eV/Å]."""
_MODERATE = 1.0
"""Root mean square force up to which a structure's forces are moderate [eV/Å]."""


@dataclass(frozen=True)
class Fitted:
    """A training and its results.

    Attributes:
        model: The committee.
        seconds: Wall time [s].
        processor_seconds: All threads together [s].
        curve: Of each cycle the seconds since the start by the clock, the errors on training groups and on groups set aside
            [meV/atom, forces included with their weight], and the processor's seconds since the start.
    """

    model: Potential
    seconds: float
    processor_seconds: float
    curve: Sequence[tuple[float, float, float, float]]

    def document(self) -> JsonDict:
        """Returns the fit as plain data, without the model."""
        return {
            "structures": self.model.training["structures"],
            "cycles": self.model.training["cycles"],
            "seconds": self.seconds,
            "processor_seconds": self.processor_seconds,
            "curve": [list(item) for item in self.curve],
        }


def fit(spec: PotentialSpec, examples: Sequence[Example], start: Potential | None = None, seed: int = 0) -> Fitted:
    """Trains.

    Args:
        spec: Hyper-parameters.
        examples: To learn from.
        start: Whose weights to begin with.
        seed: Of what is random.
    """
    curve: list[tuple[float, float, float, float]] = []
    begun, processor = time.perf_counter(), time.process_time()

    def note(progress: Progress) -> None:
        spent = time.perf_counter() - begun, time.process_time() - processor
        curve.append((spent[0], progress.training, progress.validation, spent[1]))

    run = TrainingRun(seed=seed, on_progress=note, start=None if start is None else start.weights())
    model = PotentialTrainer(spec).fit(examples, run)
    return Fitted(model, time.perf_counter() - begun, time.process_time() - processor, curve)


def judged(examples: Sequence[Example], predictions: Sequence[Prediction]) -> JsonDict:
    """Errors of held-out structures [meV/atom, meV/Å]: of all, of those with moderate forces, of each kind of scan."""

    def of(chosen: Callable[[Example], bool]) -> JsonDict:
        mine = [place for place, example in enumerate(examples) if chosen(example)]
        return _errors([examples[place] for place in mine], [predictions[place] for place in mine])

    kinds = sorted({kind_of(example.group) for example in examples})
    return {
        **_errors(examples, predictions),
        "moderate": of(lambda item: float(np.mean(item.properties["forces"] ** 2)) < _MODERATE**2),
        "by_kind": {kind: of(partial(_is_of, kind)) for kind in kinds},
    }


def _is_of(kind: str, example: Example) -> bool:
    return kind_of(example.group) == kind


def _errors(examples: Sequence[Example], predictions: Sequence[Prediction]) -> JsonDict:
    # Forces that vanish by symmetry are no test.
    moved = [
        example
        if np.abs(example.properties["forces"]).max() > _NO_FORCE
        else replace(example, properties={"energy": example.properties["energy"]})
        for example in examples
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


def report(fitted: Fitted, held_out: Sequence[Example], crystal: Crystal, scans: Sequence[Example]) -> JsonDict:
    """Report of a training.

    Args:
        fitted: The training.
        held_out: Structures that judge.
        crystal: The crystal whose constants are computed from the data and by the network.
        scans: Structures that these are taken from.
    """
    predictions = fitted.model.predict(held_out)
    errors = judged(held_out, predictions)
    return {
        "energy_rmse_mev_per_atom": errors["energy_rmse_mev_per_atom"],
        "force_rmse_mev_per_angstrom": errors["force_rmse_mev_per_angstrom"],
        "seconds": fitted.seconds,
        "training": fitted.document(),
        "held_out": errors,
        "parity": parity(held_out, predictions),
        "crystal": _crystal(fitted.model, crystal, scans),
    }


def known_scans(spec: PotentialSpec, examples: Sequence[Example]) -> JsonDict:
    """Errors of a training on four fifths of each scan, on every fifth structure between them.

    Args:
        spec: Hyper-parameters.
        examples: Of the scans.
    """
    ordered = in_turn(examples)
    judging = ordered[::5]
    fitted = fit(spec, [item for place, item in enumerate(ordered) if place % 5])
    return fitted.document() | {"held_out": judged(judging, fitted.model.predict(judging))}


def _crystal(model: Potential, crystal: Crystal, scans: Sequence[Example]) -> JsonDict:
    predicted = {item.id: float(said["energy"].values) for item, said in zip(scans, model.predict(scans), strict=True)}

    def known(example: Example) -> float:
        return float(example.properties["energy"])

    def said(example: Example) -> float:
        return predicted[example.id]

    return {
        "computed": constants(crystal, scans, known),
        "predicted": constants(crystal, scans, said),
        "curves": {"computed": energy_curves(crystal, scans, known), "predicted": energy_curves(crystal, scans, said)},
    }


def parity(examples: Sequence[Example], predictions: Sequence[Prediction]) -> JsonDict:
    """Computed and predicted energies per atom with their deviations [eV], for the figure."""
    sizes = np.array([len(example.structure) for example in examples])
    computed = np.array([float(example.properties["energy"]) for example in examples]) / sizes
    predicted = np.array([float(prediction["energy"].values) for prediction in predictions]) / sizes
    deviations = (
        np.array([float(np.asarray(prediction["energy"].deviation, dtype=np.float64)) for prediction in predictions]) / sizes
    )
    return {
        "computed": computed.round(5).tolist(),
        "predicted": predicted.round(5).tolist(),
        "deviations": deviations.round(5).tolist(),
    }
