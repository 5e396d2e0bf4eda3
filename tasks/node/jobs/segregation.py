"""Jobs that compute the energy that a defect gains at a site of a boundary."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from tansaku.calculators.workflows.segregation import SegregationReference, check_boundary_stays
from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.ports import Calculator
from tansaku.models.domain.records import Outcome, Quantity
from tansaku.models.domain.specs.relaxation import RelaxationSpec
from tansaku.models.domain.specs.segregation import SEGREGATION_ENERGY
from tansaku.models.domain.units import recorded_in
from tansaku.spaces.segregation import SegregationSpace
from tansaku.tasks.node.jobs.document import STRUCTURE_FILE, JobDocument
from tansaku.tasks.node.jobs.energy import write_result
from tansaku.tasks.node.jobs.kept import scratch_of, take_files
from tansaku.tasks.node.jobs.opened import opened_calculator, opened_segregation, opened_space


def open_segregation_job(document: JobDocument, folder: Path) -> SegregationJob:
    """Opens the job of a document whose space has sites of a defect.

    Raises:
        ConfigurationError: The document is of another kind, or its objective is not the segregation energy.
    """
    space, spec, wanted = document.space, document.calculator, document.objective.property
    found = opened_space(space, document.base_path)
    if not isinstance(found, SegregationSpace) or spec is None:
        raise ConfigurationError(f"a {space.type} space has no sites of a defect")
    if wanted not in (None, SEGREGATION_ENERGY):
        raise ConfigurationError(f"objective.property: a {space.type} space gives {SEGREGATION_ENERGY}, not {wanted!r}")
    relaxation = None if space.as_they_stand else (document.relaxation or spec.relaxation)
    return SegregationJob(
        space=found,
        candidate=document.candidate,
        calculator=opened_calculator(spec, document.base_path),
        reference=opened_segregation(spec, document.base_path, space, relaxation),
        relaxation=relaxation,
        unit=document.objective.unit,
        folder=folder,
    )


@dataclass(frozen=True)
class SegregationJob:
    """Relaxes a boundary with a defect at a site."""

    space: SegregationSpace
    candidate: str
    calculator: Calculator
    reference: SegregationReference
    relaxation: RelaxationSpec | None
    unit: str
    folder: Path

    def __call__(self) -> Outcome:
        """Computes the segregation energy, negative where the boundary attracts the defect."""
        begun = time.perf_counter()
        start, site = self.space.structure(self.candidate), self.space.site(self.candidate)
        with scratch_of(self.calculator, start, self.relaxation, self.folder) as calculator:
            result = calculator.evaluate(start, self.relaxation)
            files = take_files(result, self.folder)
        moved = check_boundary_stays(start, result.atoms, site.position)
        value = self.reference.segregation_energy(result.energy)
        start.info[SEGREGATION_ENERGY] = value
        write_result(self.folder / STRUCTURE_FILE, start, result)
        energies = {
            SEGREGATION_ENERGY: value,
            "energy": result.energy,
            "boundary_energy": self.reference.boundary,
            "crystal_energy": self.reference.crystal,
            "crystal_energy_with_defect": self.reference.crystal_with_defect,
        }
        return Outcome(
            value=recorded_in(value, "eV", self.unit),
            quantities={name: Quantity(value=energy, unit="eV") for name, energy in energies.items()},
            properties={
                "n_atoms": len(start),
                "steps": result.steps,
                "converged": result.converged,
                "multiplicity": site.members,
                "coordination": site.coordination,
                "far_displacement": moved,
            },
            wall_time=time.perf_counter() - begun,
            artifacts={STRUCTURE_FILE: STRUCTURE_FILE, **files},
            provenance=result.provenance,
            predicted_by=result.provenance.model if result.predicted else None,
        )
