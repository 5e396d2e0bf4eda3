"""Fits: source of the energies, descriptors, with or without the cells' total energies."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
from scipy.spatial.distance import cdist
from scipy.stats import spearmanr

from tansaku.models.domain.pool import FloatArray
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.dataset import AboveSplitSpec, FileSourceSpec
from tansaku.models.domain.specs.descriptors import DescriptorSpec, RadialDescriptorSpec, SoapDescriptorSpec
from tansaku.models.domain.specs.surrogate import LocalEnergiesSpec
from tansaku.models.domain.surrogates import Example, Prediction, TrainingRun
from tansaku.models.surrogates.local_energies.model import LocalEnergies
from tansaku.models.surrogates.local_energies.training import LocalEnergiesTrainer
from tansaku.tasks.loop.datasets.extxyz import read_user_file
from tansaku.tasks.node.jobs.judging import compare
from tansaku.tasks.node.jobs.splitting import side_of, split

DATA = Path(__file__).with_name("al-tilt.extxyz.gz")
LARGEST_SIGMA = 20
ENERGIES = {"eam": "energies", "chgnet": "label_energies"}
DESCRIPTORS: dict[str, tuple[DescriptorSpec, ...]] = {
    "radial": (RadialDescriptorSpec(),),
    "soap": (SoapDescriptorSpec(),),
    "both": (RadialDescriptorSpec(), SoapDescriptorSpec()),
}
_BINS = 8
_EV_PER_A2_IN_MJ_PER_M2 = 16021.766339999998


@dataclass(frozen=True)
class Case:
    """One fit.

    Attributes:
        energies: Key of :data:`ENERGIES`.
        descriptors: Key of :data:`DESCRIPTORS`.
        total_weight: μ.
        per_boundary: Structures of each boundary, the first ones.
        detail: Whether single numbers are kept for the figure.
        known: Number of structures of each boundary, the first ones, with energies of atoms; the others have only the total
            energy.
    """

    energies: str
    descriptors: str
    total_weight: float
    per_boundary: int
    detail: bool = False
    known: int | None = None


@cache
def examples(energies: str) -> list[Example]:
    """All structures with one source's energies."""
    return read_user_file(DATA, FileSourceSpec(path=DATA.name, energies=ENERGIES[energies], group="group"))


def sides(case: Case) -> tuple[list[Example], list[Example]]:
    """Structures to train on, boundaries up to Σ 20, and those to test on, all larger ones."""
    training, test = small_and_large(examples(case.energies), LARGEST_SIGMA, case.per_boundary)
    return _with_totals(training, case.known), test


def small_and_large(several: list[Example], largest: int, per_boundary: int) -> tuple[list[Example], list[Example]]:
    """The first structures of each boundary, of those up to a Σ and of all larger ones."""
    taken: dict[str, int] = {}
    chosen = []
    for example in several:
        taken[example.group] = taken.get(example.group, 0) + 1
        if taken[example.group] <= per_boundary:
            chosen.append(example)
    groups = split(chosen, AboveSplitSpec(key="sigma", above=largest), seed=0)
    return side_of(chosen, groups, "training"), side_of(chosen, groups, "held_out")


def _with_totals(training: list[Example], known: int | None) -> list[Example]:
    """Removes the energies of atoms except for the first structures of each boundary."""
    if known is None:
        return training
    seen: dict[str, int] = {}
    found = []
    for item in training:
        seen[item.group] = seen.get(item.group, 0) + 1
        blind = {"energy": item.properties["energy"]}
        found.append(item if seen[item.group] <= known else replace(item, properties=blind))
    return found


def run(case: Case) -> JsonDict:
    """Fits one case and tests it."""
    training, test = sides(case)
    spec = LocalEnergiesSpec(descriptors=DESCRIPTORS[case.descriptors], total_weights=(case.total_weight,))
    begun = time.perf_counter()
    model = LocalEnergiesTrainer(spec).fit(training, TrainingRun())
    seconds = time.perf_counter() - begun
    predictions = model.predict(test)
    compared = compare(test, predictions)
    found: JsonDict = {
        "energies": case.energies,
        "descriptors": case.descriptors,
        "total_weight": case.total_weight,
        "known": case.known,
        "training": {"structures": len(training), "atoms": sum(len(item.structure) for item in training)},
        "test": {"structures": len(test), "atoms": sum(len(item.structure) for item in test)},
        "atom": _errors(compared["energies"].errors().model_dump()),
        "cell": _errors(compared["energy"].errors().model_dump()),
        "boundary_energy": _boundary_energies(test, predictions),
        "chosen": model.training,
        "seconds": seconds,
    }
    if case.detail:
        found["distance"] = _by_distance(model, training, test, predictions)
        found["by_sigma"] = _by_sigma(test, predictions)
        atoms = compared["energies"]
        # Every seventh atom is enough for the figure.
        found["parity"] = [atoms.computed[::7].round(5).tolist(), atoms.predicted[::7].round(5).tolist()]
    return found


def _errors(errors: JsonDict) -> JsonDict:
    """Converts errors to meV, and shortens the key of the correlation to ``r``."""
    return {
        "r": errors["correlation"],
        "mae_mev": 1000 * errors["mae"],
        "rmse_mev": 1000 * errors["rmse"],
        "within_one_deviation": errors["within_one"],
        "within_two_deviations": errors["within_two"],
    }


def _boundary_energies(test: list[Example], predictions: list[Prediction]) -> JsonDict:
    """Judges how well boundaries are ranked by their excess energy (E − n e) / 2A."""
    areas = np.array([float(item.info["area"]) for item in test])
    totals = np.array([float(item.properties["energy"]) for item in test])
    predicted = np.array([float(prediction["energy"].values) for prediction in predictions])
    counts = np.array([len(item.structure) for item in test])
    # Most atoms are deep inside the grains; computed and predicted energies are relative to the same bulk energy.
    bulk = float(np.median([np.median(item.properties["energies"]) for item in test]))
    computed = (totals - counts * bulk) / (2 * areas) * _EV_PER_A2_IN_MJ_PER_M2
    guessed = (predicted - counts * bulk) / (2 * areas) * _EV_PER_A2_IN_MJ_PER_M2
    return {
        "r": float(np.corrcoef(computed, guessed)[0, 1]),
        "rank_correlation": float(spearmanr(computed, guessed).statistic),
        "mae_mj_per_m2": float(np.abs(guessed - computed).mean()),
        "rmse_mj_per_m2": float(np.sqrt(((guessed - computed) ** 2).mean())),
    }


def _by_distance(
    model: LocalEnergies, training: list[Example], test: list[Example], predictions: list[Prediction]
) -> list[JsonDict]:
    """Errors of atoms against the distance to the nearest environment seen in training, in standardised features."""
    seen = np.vstack([model.rows(item) for item in training])
    distances = np.concatenate([cdist(model.rows(item), seen).min(axis=1) for item in test])
    errors = np.concatenate(
        [item["energies"].values - example.properties["energies"] for item, example in zip(predictions, test, strict=True)]
    )
    edges = np.quantile(distances, np.linspace(0, 1, _BINS + 1))
    place = np.clip(np.searchsorted(edges, distances, side="right") - 1, 0, _BINS - 1)
    return [
        {
            "from": float(edges[number]),
            "to": float(edges[number + 1]),
            "atoms": int((place == number).sum()),
            "rmse_mev": float(1000 * np.sqrt((errors[place == number] ** 2).mean())),
        }
        for number in range(_BINS)
        if (place == number).any()
    ]


def _by_sigma(test: list[Example], predictions: list[Prediction]) -> dict[str, float]:
    """Root mean square error of the atoms' energies by Σ [meV]."""
    errors: dict[int, list[FloatArray]] = {}
    for example, prediction in zip(test, predictions, strict=True):
        errors.setdefault(int(example.info["sigma"]), []).append(prediction["energies"].values - example.properties["energies"])
    return {str(sigma): float(1000 * np.sqrt((np.concatenate(errors[sigma]) ** 2).mean())) for sigma in sorted(errors)}
