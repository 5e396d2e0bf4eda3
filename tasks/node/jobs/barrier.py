"""Jobs that compute migration barriers."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator

from tansaku.calculators.structures.extended_xyz import write_extended_xyz
from tansaku.calculators.workflows.migration.checkpoint import Checkpoint
from tansaku.calculators.workflows.migration.report import describe, states
from tansaku.calculators.workflows.migration_barrier import MigrationBarrier, checkpoint_key, migration_barrier
from tansaku.calculators.workflows.stability import energy_above_hull
from tansaku.models.domain.errors import CalculationError, ConfigurationError
from tansaku.models.domain.ports import Calculator, Space
from tansaku.models.domain.records import Outcome, Quantity
from tansaku.models.domain.specs.workflow import MigrationBarrierSpec
from tansaku.models.domain.units import convert
from tansaku.tasks.node.jobs.document import STRUCTURE_FILE, JobDocument, required_workflow
from tansaku.tasks.node.jobs.kept import begun_from
from tansaku.tasks.node.jobs.opened import opened_calculator, opened_space

STATES_FILE = "states.extxyz"
"""Result file with the end states and saddle points."""

_BARRIER = "migration_barrier"


def open_barrier_job(document: JobDocument, folder: Path) -> BarrierJob:
    """Opens the job of a document whose objective is a migration barrier.

    Raises:
        ConfigurationError: Its objective is not a barrier.
    """
    spec, workflow = required_workflow(document, MigrationBarrierSpec, _BARRIER)
    objective = document.objective
    if objective.unit not in ("eV", "meV"):
        raise ConfigurationError(f"objective.unit: {objective.unit!r} is not a unit of {_BARRIER}; expected eV or meV")
    return BarrierJob(
        space=opened_space(document.space, document.base_path),
        candidate=document.candidate,
        calculator=opened_calculator(spec, document.base_path),
        workflow=workflow,
        unit=objective.unit,
        folder=folder,
        start=document.start,
    )


@dataclass(frozen=True)
class BarrierJob:
    """Computes a crystal's migration barrier. Finished parts are kept next to the job's folder for a later attempt."""

    space: Space
    candidate: str
    calculator: Calculator
    workflow: MigrationBarrierSpec
    unit: str
    folder: Path
    start: str | None = None

    def __call__(self) -> Outcome:
        """Computes the barrier."""
        begun = time.perf_counter()
        structure = begun_from(self.start, self.candidate, self.space.structure(self.candidate))
        key = checkpoint_key(self.calculator, structure, self.workflow)
        checkpoint = Checkpoint(self.folder.parent / f".parts-{key[:24]}", key)
        try:
            found = migration_barrier(self.calculator, structure, self.workflow, checkpoint)
        except CalculationError:
            checkpoint.clear()
            raise
        value = found.barrier(self.workflow.dimensions)
        if value is None:
            raise CalculationError("no_path", f"no path in {self.workflow.dimensions} dimension(s)")
        energy = self._write(found)
        checkpoint.clear()
        quantities = {_BARRIER: Quantity(value=value, unit="eV"), "spread": Quantity(value=found.spread, unit="eV")}
        if self.workflow.phases is not None:
            above = energy_above_hull(found.host.get_chemical_symbols(), energy, self.workflow.phases)
            quantities["energy_above_hull"] = Quantity(value=above, unit="eV/atom")
        for dimensions in (1, 2, 3):
            barrier = found.barrier(dimensions)
            if barrier is not None:
                quantities[f"barrier_{dimensions}d"] = Quantity(value=barrier, unit="eV")
        return Outcome(
            value=convert(value, "eV", self.unit),
            quantities=quantities,
            properties=describe(found, self.workflow.dimensions)
            | ({} if self.workflow.midpoint_steps is None else {"midpoint_steps": self.workflow.midpoint_steps}),
            wall_time=time.perf_counter() - begun,
            artifacts={STRUCTURE_FILE: STRUCTURE_FILE, STATES_FILE: STATES_FILE},
            provenance=self.calculator.provenance,
        )

    def _write(self, found: MigrationBarrier) -> float:
        """Writes the structures; returns the crystal's energy [eV]."""
        host = with_results(found.host, self.calculator, self.candidate)
        write_extended_xyz(self.folder / STRUCTURE_FILE, host)
        write_extended_xyz(self.folder / STATES_FILE, states(found))
        return float(host.get_potential_energy())


def with_results(crystal: Atoms, calculator: Calculator, candidate: str) -> Atoms:
    """Returns a copy of a relaxed crystal with its energy, forces, stress and provenance."""
    atoms: Atoms = crystal.copy()
    source, result = calculator.provenance, calculator.evaluate(atoms)
    atoms.info |= {"candidate": candidate, "potential": source.model, "potential_sha256": source.model_sha256}
    atoms.calc = SinglePointCalculator(atoms, energy=result.energy, forces=result.forces, stress=result.stress)
    return atoms
