"""Fits of the energies of MgO's atoms, and their errors within each element near the boundary planes."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from benchmarks.local_energies.cases import small_and_large
from tansaku.calculators.workflows.boundary_energy import EV_PER_A2, planar_area
from tansaku.models.domain.pool import BoolArray, FloatArray
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.dataset import FileSourceSpec
from tansaku.models.domain.specs.descriptors import DescriptorSpec, RadialDescriptorSpec
from tansaku.models.domain.specs.surrogate import LocalEnergiesSpec
from tansaku.models.domain.surrogates import Example, Prediction, TrainingRun
from tansaku.models.surrogates.local_energies.training import LocalEnergiesTrainer
from tansaku.tasks.loop.datasets.extxyz import read_user_file

DATA = Path(__file__).with_name("mgo-tilt.extxyz.gz")
LARGEST_SIGMA = 21
NEAR = 6.0
"""Atoms that count lie within this distance of a boundary plane [Å]."""

CLEFT = 3.0
"""Grains between which there is no atom over this height have come apart: what is between them are surfaces [Å]."""

ENERGIES = {"buckingham": "energies", "chgnet": "label_energies"}
_FAR = RadialDescriptorSpec(cutoff=12.0, widths=(0.5, 1.0, 2.0))
"""Numbers of ions by distance, as far as the fields of ions matter."""

DESCRIPTORS: dict[str, tuple[DescriptorSpec, ...]] = {
    "radial": (RadialDescriptorSpec(),),
    "far": (RadialDescriptorSpec(), _FAR),
}

TOTAL_WEIGHTS = (1.0,)

BULK = {
    "buckingham": {"Mg": -20.12918131, "O": -20.41215658},
    "chgnet": {"Mg": -3.53691232, "O": -9.08351964},
}
"""Energies of the atoms of the perfect crystal at the lattice parameter of the potential [eV]."""


@dataclass(frozen=True)
class Case:
    """One fit.

    Attributes:
        energies: Key of :data:`ENERGIES`.
        descriptors: Key of :data:`DESCRIPTORS`.
        per_boundary: Structures of each boundary, the first ones.
    """

    energies: str
    descriptors: str
    per_boundary: int = 100


@cache
def examples(energies: str) -> list[Example]:
    """All structures whose grains hold together, with one source's energies."""
    spec = FileSourceSpec(path=DATA.name, energies=ENERGIES[energies], group="group", forces=None)
    return [example for example in read_user_file(DATA, spec) if widest_gap(example) < CLEFT]


def widest_gap(example: Example) -> float:
    """Largest height of a cell over which there is no atom [Å]."""
    heights = np.sort(example.structure.get_scaled_positions()[:, 2])
    gaps = np.diff(np.append(heights, heights[0] + 1.0))
    return float(gaps.max() * example.structure.cell[2, 2])


def sides(case: Case) -> tuple[list[Example], list[Example]]:
    """Structures to train on, boundaries up to Σ 21, and those to test on, all larger ones."""
    return small_and_large(examples(case.energies), LARGEST_SIGMA, case.per_boundary)


def near_boundary(example: Example) -> BoolArray:
    """Atoms within ``NEAR`` of a boundary plane.

    The inversion centres of the grains lie at heights 0 and 1/2 of the cell, and so its two boundaries at 1/4 and 3/4.
    """
    atoms = example.structure
    heights = atoms.get_scaled_positions()[:, 2]
    return np.asarray(np.abs(heights % 0.5 - 0.25) * atoms.cell[2, 2] < NEAR)


def run(case: Case) -> JsonDict:
    """Fits one case and tests it."""
    training, test = sides(case)
    spec = LocalEnergiesSpec(descriptors=DESCRIPTORS[case.descriptors], total_weights=TOTAL_WEIGHTS).of_new()
    begun = time.perf_counter()
    model = LocalEnergiesTrainer(spec).fit(training, TrainingRun())
    seconds = time.perf_counter() - begun
    predictions = model.predict(test)
    bulk = BULK[case.energies]
    elements = {symbol: _of_element(symbol, bulk[symbol], test, predictions) for symbol in bulk}
    return {
        "energies": case.energies,
        "descriptors": case.descriptors,
        "training": _counted(training),
        "test": _counted(test),
        "elements": {symbol: _errors(*pair) for symbol, pair in elements.items()},
        "boundary_energy": _boundary_energies(case.energies, test, predictions),
        "chosen": model.training,
        "seconds": seconds,
        # Every tenth atom is enough for the figure.
        "parity": {symbol: [part[::10].round(4).tolist() for part in pair] for symbol, pair in elements.items()},
    }


def _counted(several: list[Example]) -> JsonDict:
    return {
        "boundaries": len({item.group for item in several}),
        "structures": len(several),
        "atoms": sum(len(item.structure) for item in several),
        "near": int(sum(near_boundary(item).sum() for item in several)),
    }


def _of_element(symbol: str, bulk: float, test: list[Example], predictions: list[Prediction]) -> tuple[FloatArray, FloatArray]:
    """Computed and predicted energies of an element's atoms near the planes, less the bulk's [eV]."""
    own = [near_boundary(item) & np.asarray(item.structure.symbols == symbol) for item in test]
    computed = [item.properties["energies"][atoms] for item, atoms in zip(test, own, strict=True)]
    predicted = [item["energies"].values[atoms] for item, atoms in zip(predictions, own, strict=True)]
    return np.concatenate(computed) - bulk, np.concatenate(predicted) - bulk


def _errors(computed: FloatArray, predicted: FloatArray) -> JsonDict:
    return {
        "atoms": len(computed),
        "r": float(np.corrcoef(computed, predicted)[0, 1]),
        "rmse_mev": 1000.0 * float(np.sqrt(((predicted - computed) ** 2).mean())),
        "spread_mev": 1000.0 * float(computed.std()),
    }


def boundary_energy(energies: str, example: Example, energy: float) -> float:
    """Excess energy of a cell for each of its two boundaries [mJ/m^2]."""
    bulk = sum(BULK[energies][symbol] for symbol in example.structure.get_chemical_symbols())
    return (energy - bulk) / (2.0 * planar_area(example.structure)) * 1000.0 * EV_PER_A2


def _boundary_energies(energies: str, test: list[Example], predictions: list[Prediction]) -> JsonDict:
    """Errors of γ from the predicted energies of atoms, of all structures and of the lowest of each boundary."""
    computed = np.array([boundary_energy(energies, item, float(item.properties["energy"])) for item in test])
    predicted = np.array(
        [boundary_energy(energies, item, float(said["energy"].values)) for item, said in zip(test, predictions, strict=True)]
    )
    lowest = [
        min((place for place, item in enumerate(test) if item.group == group), key=lambda place: computed[place])
        for group in sorted({item.group for item in test})
    ]
    return {
        "all": _relative(computed, predicted),
        "lowest": _relative(computed[lowest], predicted[lowest]),
        "groups": [test[place].group for place in lowest],
        "computed": computed.round(2).tolist(),
        "predicted": predicted.round(2).tolist(),
    }


def _relative(computed: FloatArray, predicted: FloatArray) -> JsonDict:
    errors = np.abs(predicted - computed)
    return {
        "structures": len(computed),
        "r": float(np.corrcoef(computed, predicted)[0, 1]),
        "mean_mj_per_m2": float(computed.mean()),
        "rmse_mj_per_m2": float(np.sqrt((errors**2).mean())),
        "mean_error_percent": 100.0 * float((errors / computed).mean()),
        "median_error_percent": 100.0 * float(np.median(errors / computed)),
        "within_5_percent": float((errors / computed <= 0.05).mean()),
    }
