"""Energies of a second calculator, written beside the first one's into the structure that a job left.

With pre-screening, the second calculator is skipped if the prediction of a trained model is bad enough.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ase import Atoms

from tansaku.calculators.structures.extended_xyz import read_extended_xyz, write_extended_xyz
from tansaku.calculators.workflows.boundary_energy import EV_PER_A2, planar_area
from tansaku.calculators.workflows.grain_check import check_grains
from tansaku.models.domain.errors import CalculationError, ConfigurationError
from tansaku.models.domain.records import Outcome, Quantity
from tansaku.models.domain.specs.label import LABEL_PROPERTY, LabelSpec
from tansaku.models.domain.surrogates import Example
from tansaku.tasks.node.jobs.boundary import PER_J_M2
from tansaku.tasks.node.jobs.document import (
    FIRST_LOOK_DEVIATION,
    FIRST_LOOK_ENERGY,
    LABEL_ENERGIES,
    LABEL_ENERGY,
    LABEL_FORCES,
    STRUCTURE_FILE,
    JobDocument,
    LookDocument,
)
from tansaku.tasks.node.jobs.opened import opened_bulk, opened_calculator, opened_surrogate


@dataclass(frozen=True)
class Wanted:
    """The label's energy as the campaign's objective.

    Attributes:
        bulk_energy: Of an atom in the perfect crystal, by the label [eV].
        scale: From J/m^2 to the objective's unit.
        sign: 1 where low values are wanted, -1 where high ones are.
        look: Who may spare the label, None: nobody.
    """

    bulk_energy: float
    scale: float
    sign: float
    look: LookDocument | None

    def excess(self, energy: float, atoms: Atoms) -> float:
        """Energy of a boundary [J/m^2], of which a cell has two, from a cell's [eV]."""
        return (energy - len(atoms) * self.bulk_energy) * self.per_energy(atoms)

    def looked(self, atoms: Atoms) -> tuple[float, float]:
        """Predicted energy of a boundary and its deviation [J/m^2]."""
        if self.look is None:
            raise AssertionError("there is no model to look")
        prediction = opened_surrogate(self.look.file, self.look.sha256).predict([Example("", "", atoms, {})])[0]
        estimate = prediction.get("energy")
        if estimate is None or estimate.deviation is None:
            raise ConfigurationError(f"pre_screening: {self.look.model} predicts no energy with an error estimate")
        return self.excess(float(estimate.values), atoms), float(estimate.deviation) * self.per_energy(atoms)

    def spares(self, predicted: float, deviation: float) -> bool:
        """Returns whether a prediction [J/m^2] is bad enough."""
        if self.look is None or self.look.bound is None:
            return False
        return self.sign * (self.scale * predicted - self.look.bound) > self.look.deviations * self.scale * deviation

    @staticmethod
    def per_energy(atoms: Atoms) -> float:
        """A boundary's energy [J/m^2] for each eV of the cell."""
        return 0.5 * EV_PER_A2 / planar_area(atoms)


@dataclass(frozen=True)
class LabelledJob:
    """A job whose relaxed structure is also computed by a second calculator.

    Attributes:
        job: Leaves its structure in ``folder``.
        label: Who is asked.
        base_path: Folder in which the spec's relative paths start.
        folder: Of the job's files.
        wanted: How the label makes the outcome's value; None: the value is the first calculator's.
    """

    job: Callable[[], Outcome]
    label: LabelSpec
    base_path: str
    folder: Path
    wanted: Wanted | None = None

    def __call__(self) -> Outcome:
        """Computes both energies, or only predicts the second one. If the label fails, the evaluation fails."""
        outcome = self.job()
        begun = time.perf_counter()
        atoms = next(read_extended_xyz((self.folder / STRUCTURE_FILE).read_text(encoding="utf-8")))
        wanted = self.wanted
        if wanted is not None and wanted.look is not None:
            predicted, deviation = wanted.looked(atoms)
            quantities = {FIRST_LOOK_ENERGY: predicted, FIRST_LOOK_DEVIATION: deviation}
            outcome = outcome.model_copy(
                update={
                    "quantities": outcome.quantities | {k: Quantity(value=v, unit="J/m^2") for k, v in quantities.items()},
                    "properties": outcome.properties | {"first_look": wanted.look.model},
                }
            )
            if wanted.spares(predicted, deviation):
                value = {"value": wanted.scale * predicted, "deviation": wanted.scale * deviation}
                found = outcome.model_copy(update=value | {"predicted_by": wanted.look.model})
                return _timed(found, begun)
        return _timed(self.labelled(outcome, atoms), begun)

    def labelled(self, outcome: Outcome, atoms: Atoms) -> Outcome:
        """The outcome with the label's energies, which are written into the structure that the job left."""
        start = atoms.copy()
        calculator = opened_calculator(self.label.calculator, self.base_path)
        relaxation = self.label.calculator.relaxation if self.label.relaxed else None
        found = calculator.evaluate(start, relaxation)
        if relaxation is not None and "grain" in start.arrays:
            # The crystal is the first calculator's: this one's may be strained in it.
            check_grains(start, found, None, judge_strain=False)
        if found.energies is None:
            raise CalculationError("no_atomic_energies", f"label: {found.provenance.code} gives no energy of an atom")
        atoms.arrays[LABEL_ENERGIES] = found.energies
        if not self.label.relaxed:
            atoms.arrays[LABEL_FORCES] = found.forces
        provenance = found.provenance
        atoms.info |= {LABEL_ENERGY: found.energy, "label": provenance.model, "label_sha256": provenance.model_sha256}
        write_extended_xyz(self.folder / STRUCTURE_FILE, atoms)
        quantities = outcome.quantities | {LABEL_ENERGY: Quantity(value=found.energy, unit="eV")}
        properties = outcome.properties | {"label": provenance.model_dump(mode="json"), "label_relaxed": self.label.relaxed}
        value = outcome.value
        if self.wanted is not None:
            excess = self.wanted.excess(found.energy, found.atoms)
            if not np.isfinite(excess):
                raise CalculationError("nan", f"label: the boundary energy is {excess}")
            quantities[LABEL_PROPERTY] = Quantity(value=excess, unit="J/m^2")
            value = self.wanted.scale * excess
            if found.predicted:
                per_energy = self.wanted.scale * self.wanted.per_energy(found.atoms)
                deviation = None if found.deviation is None else per_energy * found.deviation
                outcome = outcome.model_copy(update={"predicted_by": provenance.model, "deviation": deviation})
        return outcome.model_copy(update={"value": value, "quantities": quantities, "properties": properties})


def open_labelled_job(job: Callable[[], Outcome], label: LabelSpec, document: JobDocument, folder: Path) -> LabelledJob:
    """Adds a label calculator to a job.

    Args:
        job: Of the first calculator.
        document: What is to be computed.
    """
    wanted, crystal, objective = None, document.space.reference_crystal, document.objective
    if objective.property == LABEL_PROPERTY and crystal is not None:
        bulk = opened_bulk(label.calculator, document.base_path, crystal)
        sign = 1.0 if objective.direction == "minimize" else -1.0
        wanted = Wanted(bulk.energy_per_atom, PER_J_M2[objective.unit], sign, document.look)
    return LabelledJob(job, label, document.base_path, folder, wanted)


def _timed(outcome: Outcome, begun: float) -> Outcome:
    # An outcome that measured nothing is timed by who called.
    return outcome.model_copy(update={"wall_time": outcome.wall_time + (time.perf_counter() - begun)})
