"""Boundaries of the shipped table, computed again from the start, and by the potential whose energies the model predicts."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from scipy.stats import spearmanr

from benchmarks.local_energies.cases import Case, sides
from tansaku.calculators.calculator_registry import open_calculator
from tansaku.calculators.workflows.boundary_energy import boundary_energy, bulk_reference
from tansaku.models.domain.ports import Calculator
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.calculators.chgnet import ChgnetSpec
from tansaku.models.domain.specs.grain_boundary import GrainBoundarySpaceSpec
from tansaku.models.domain.specs.relaxation import RelaxationSpec
from tansaku.models.domain.specs.surrogate import LocalEnergiesSpec
from tansaku.models.domain.surrogates import TrainingRun
from tansaku.models.surrogates.local_energies.training import LocalEnergiesTrainer
from tansaku.spaces.grain_boundary import GrainBoundarySpace
from tansaku.tasks.read.figures.structures import BoundaryPicture, crystal_neighbours, picture
from tansaku.tasks.read.screening.predicting import BoundaryPredictor, LoadedScreen, load_screen
from tansaku.tasks.read.screening.rows import ScreenRow, family, rank_correlation

HERE = Path(__file__).parent
TABLE = HERE / "al-screen.csv.gz"
LARGEST = 400
"""Largest number of atoms of a recomputed boundary: a minute of the expensive potential for all."""


@dataclass(frozen=True)
class Screened:
    """Models and settings with which a row of the table is computed again."""

    loaded: LoadedScreen
    predictor: BoundaryPredictor

    @classmethod
    def opened(cls) -> Screened:
        """Trains the model as described in ``al-local.yaml``."""
        loaded = load_screen(HERE / "al-screen.yaml")
        training, _ = sides(Case("chgnet", "both", 0.0, 6))
        model = LocalEnergiesTrainer(LocalEnergiesSpec(total_weights=(0.0,))).fit(training, TrainingRun())
        return cls(loaded, BoundaryPredictor.of(model, loaded.crystal))

    @cached_property
    def _spaces(self) -> dict[str, GrainBoundarySpace]:
        found = {}
        for campaign in self.loaded.campaigns:
            spec = campaign.spec.space
            assert isinstance(spec, GrainBoundarySpaceSpec)
            found[family((spec.axis[0], spec.axis[1], spec.axis[2]))] = GrainBoundarySpace(spec, HERE)
        return found

    @cached_property
    def _cheap(self) -> Calculator:
        return open_calculator(self.loaded.spec.calculator, HERE)

    @cached_property
    def _expensive(self) -> Calculator:
        return open_calculator(ChgnetSpec(), HERE)

    def again(self, row: ScreenRow) -> tuple[JsonDict, BoundaryPicture]:
        """Builds, relaxes and predicts a row's boundary, and computes it by CHGNet without relaxation.

        Returns:
            The numbers, and the boundary with its atoms' predicted energies.
        """
        crystal = self.loaded.spec.space.reference_crystal
        assert crystal is not None
        relaxation = self.loaded.spec.calculator.relaxation
        reference = (crystal.structure, crystal.element, crystal.edge)
        structure = self._spaces[family(row.axis)].structure(row.candidate)
        found = boundary_energy(self._cheap, structure, relaxation, bulk_reference(self._cheap, *reference))
        begun = time.process_time()
        predicted = self.predictor.row(row.candidate, found.result.atoms, 1000.0 * found.value, row.structure)
        seconds = time.process_time() - begun
        still = RelaxationSpec(fmax=1e3)
        begun = time.process_time()
        expensive = boundary_energy(self._expensive, found.result.atoms, still, bulk_reference(self._expensive, *reference))
        title = f"{family(row.axis)} Σ{row.sigma}: {predicted.predicted:.0f} mJ/m²"
        numbers = {
            "candidate": row.candidate,
            "axis": list(row.axis or ()),
            "atoms": row.atoms,
            "computed": [row.computed, predicted.computed],
            "predicted": [row.predicted, predicted.predicted],
            "deviation": predicted.deviation,
            "chgnet": 1000.0 * expensive.value,
            "seconds": {"predicting": seconds, "chgnet": time.process_time() - begun},
        }
        return numbers, picture(self.predictor.paint(found.result.atoms), title, crystal_neighbours(crystal))


def sample(rows: list[ScreenRow], per_axis: int) -> list[ScreenRow]:
    """Some boundaries of each axis, at random among those that are not too large."""
    rng = np.random.default_rng(0)
    found = []
    for name in sorted({family(row.axis) for row in rows}):
        mine = sorted((row for row in rows if family(row.axis) == name and row.atoms <= LARGEST), key=lambda row: row.candidate)
        found += [mine[place] for place in sorted(rng.permutation(len(mine))[:per_axis])]
    return found


def ranks(rows: list[ScreenRow]) -> JsonDict:
    """Rank correlation of predicted and cheaply computed energies, of all rows and by axis."""
    names = sorted({family(row.axis) for row in rows})
    mine = {name: [row for row in rows if family(row.axis) == name] for name in names}
    return {"all": rank_correlation(rows)} | {name: rank_correlation(item) for name, item in mine.items()}


def verified(found: list[JsonDict]) -> JsonDict:
    """Errors of predictions relative to CHGNet for the same structures, and the ranking by the cheap potential."""
    predicted, expensive, cheap = (
        np.array([value(item) for item in found]) for value in (_predicted, _expensive_energy, _cheap_energy)
    )
    deviation = np.array([item["deviation"] for item in found])
    errors = predicted - expensive
    return {
        "boundaries": len(found),
        "mae_mj_per_m2": float(np.abs(errors).mean()),
        "rmse_mj_per_m2": float(np.sqrt((errors**2).mean())),
        "within_two_deviations": float((np.abs(errors) <= 2 * deviation).mean()),
        "rank_correlation": {
            "predicted": float(spearmanr(predicted, expensive).statistic),
            "cheap": float(spearmanr(cheap, expensive).statistic),
        },
        "atoms_per_second": {
            name: sum(item["atoms"] for item in found) / sum(item["seconds"][name] for item in found)
            for name in ("predicting", "chgnet")
        },
    }


def _predicted(item: JsonDict) -> float:
    return float(item["predicted"][1])


def _cheap_energy(item: JsonDict) -> float:
    return float(item["computed"][1])


def _expensive_energy(item: JsonDict) -> float:
    return float(item["chgnet"])
