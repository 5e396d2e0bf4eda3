"""Energies of a second calculator, written beside the first one's into the structure that a job left."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ase import Atoms
from ase.io import write
from ase.io.extxyz import read_extxyz

from tansaku.models.domain.errors import CalculationError
from tansaku.models.domain.records import Outcome, Quantity
from tansaku.models.domain.specs.label import LabelSpec
from tansaku.tasks.jobs.document import STRUCTURE_FILE
from tansaku.tasks.jobs.opened import opened_calculator

LABEL_ENERGY = "label_energy"
"""Key of the total energy [eV], and name of the quantity."""

LABEL_ENERGIES = "label_energies"
"""Array of the atoms' energies [eV]."""

LABEL_FORCES = "label_forces"
"""Array of the forces [eV/Å]; only where the label is of the structure as it stands."""


@dataclass(frozen=True)
class LabelledJob:
    """A job whose relaxed structure gets a second opinion.

    Attributes:
        job: Leaves its structure in ``folder``.
        label: Who is asked.
        base_path: Folder in which the spec's relative paths start.
        folder: Of the job's files.
    """

    job: Callable[[], Outcome]
    label: LabelSpec
    base_path: str
    folder: Path

    def __call__(self) -> Outcome:
        """Computes both; a label that fails fails the evaluation."""
        outcome = self.job()
        begun = time.perf_counter()
        path = self.folder / STRUCTURE_FILE
        with path.open(encoding="utf-8") as stream:
            atoms: Atoms = next(iter(read_extxyz(stream)))
        start = atoms.copy()
        calculator = opened_calculator(self.label.calculator, self.base_path)
        found = calculator.evaluate(start, self.label.calculator.relaxation if self.label.relaxed else None)
        if found.energies is None:
            raise CalculationError("no_atomic_energies", f"label: {found.provenance.code} gives no energy of an atom")
        atoms.arrays[LABEL_ENERGIES] = found.energies
        if not self.label.relaxed:
            atoms.arrays[LABEL_FORCES] = found.forces
        told = found.provenance
        # An empty value would swallow the key that follows it in the file.
        named = {"label": told.model, "label_sha256": told.model_sha256}
        atoms.info |= {LABEL_ENERGY: found.energy} | {key: value for key, value in named.items() if value}
        write(path, atoms, format="extxyz")
        quantities = outcome.quantities | {LABEL_ENERGY: Quantity(value=found.energy, unit="eV")}
        properties = outcome.properties | {"label": told.model_dump(mode="json"), "label_relaxed": self.label.relaxed}
        # An outcome that measured nothing is timed by who called.
        wall_time = outcome.wall_time + (time.perf_counter() - begun)
        return outcome.model_copy(update={"quantities": quantities, "properties": properties, "wall_time": wall_time})
