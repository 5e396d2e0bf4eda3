"""Jobs that compute the energy that an ion gains by binding to a molecule."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator

from tansaku.calculators.structures.extended_xyz import write_extended_xyz
from tansaku.calculators.workflows.ion_binding.binding import IonBinding, ion_binding
from tansaku.models.domain.ports import CalculationResult, Calculator, Space
from tansaku.models.domain.records import Outcome, Quantity
from tansaku.models.domain.specs.molecules import ION_BINDING_ENERGY, SMILES
from tansaku.models.domain.specs.workflow import IonBindingSpec
from tansaku.models.domain.units import convert
from tansaku.tasks.node.jobs.document import STRUCTURE_FILE, JobDocument, required_workflow
from tansaku.tasks.node.jobs.opened import opened_calculator, opened_space

MOLECULE_FILE = "molecule.extxyz"
"""Result file with the molecule without the ion."""

KILOJOULE_PER_MOL = 96.48533212331
"""1 eV [kJ/mol], exactly the elementary charge times Avogadro's constant."""


def open_binding_job(document: JobDocument, folder: Path) -> BindingJob:
    """Opens the job of a document whose objective is the binding energy of an ion.

    Raises:
        ConfigurationError: Its workflow or objective is another one.
    """
    spec, workflow = required_workflow(document, IonBindingSpec, ION_BINDING_ENERGY)
    return BindingJob(
        space=opened_space(document.space, document.base_path),
        candidate=document.candidate,
        calculator=opened_calculator(spec, document.base_path),
        workflow=workflow,
        unit=document.objective.unit,
        folder=folder,
    )


@dataclass(frozen=True)
class BindingJob:
    """Computes how strongly a molecule binds an ion; keeps the structures of both."""

    space: Space
    candidate: str
    calculator: Calculator
    workflow: IonBindingSpec
    unit: str
    folder: Path

    def __call__(self) -> Outcome:
        """Computes the energy."""
        begun = time.perf_counter()
        start = self.space.structure(self.candidate)
        found = ion_binding(self.calculator, str(start.info[SMILES]), self.workflow)
        self._write(STRUCTURE_FILE, start, found.bound)
        self._write(MOLECULE_FILE, start, found.free)
        energy = found.energy * KILOJOULE_PER_MOL
        return Outcome(
            value=convert(energy, "kJ/mol", self.unit),
            quantities={ION_BINDING_ENERGY: Quantity(value=energy, unit="kJ/mol")},
            properties=_properties(found),
            wall_time=time.perf_counter() - begun,
            artifacts={STRUCTURE_FILE: STRUCTURE_FILE, MOLECULE_FILE: MOLECULE_FILE},
            provenance=self.calculator.provenance,
        )

    def _write(self, name: str, start: Atoms, result: CalculationResult) -> None:
        atoms: Atoms = result.atoms.copy()
        atoms.info |= {key: value for key, value in start.info.items() if key not in atoms.info}
        atoms.calc = SinglePointCalculator(atoms, energy=result.energy, forces=result.forces, charges=result.charges)
        write_extended_xyz(self.folder / name, atoms)


def _properties(found: IonBinding) -> dict[str, object]:
    return {
        "coordination": found.coordination,
        "conformers": found.conformers,
        "failed_relaxations": found.failed,
        "n_atoms": len(found.bound.atoms),
        "steps": found.free.steps + found.bound.steps,
        "converged": True,
    }
