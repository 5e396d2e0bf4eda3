"""Jobs that compute the energy of a boundary of a compound."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tansaku.calculators.workflows.compound_boundary import (
    CompoundReference,
    asymmetry,
    check_grains,
    relaxed_boundary,
)
from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.history import LOWEST_POTENTIAL
from tansaku.models.domain.ports import Calculator
from tansaku.models.domain.records import JsonDict, Outcome, Quantity
from tansaku.models.domain.specs.compound_boundary import BOUNDARY_ENERGY
from tansaku.models.domain.specs.relaxation import RelaxationSpec
from tansaku.models.domain.units import recorded_in
from tansaku.spaces.compound_boundary import CompoundBoundarySpace
from tansaku.tasks.node.jobs.document import DOUBT, STRUCTURE_FILE, JobDocument
from tansaku.tasks.node.jobs.energy import write_result
from tansaku.tasks.node.jobs.kept import scratch_of, take_files
from tansaku.tasks.node.jobs.opened import opened_calculator, opened_compound, opened_space

ALIKE = 0.05
"""Boundaries count as different from each other when an atom is farther than this from its image [Å]."""


STILL = 0.1
"""Displacement in the middle of a grain beyond which its energy may be another than the crystal's, as a share of the crystal's
shortest distance."""


def open_compound_boundary_job(document: JobDocument, folder: Path) -> CompoundBoundaryJob:
    """Opens the job of a document whose space has boundaries of a compound.

    Raises:
        ConfigurationError: The document is of another kind, or its objective is not the boundary energy.
    """
    space, spec, wanted = document.space, document.calculator, document.objective.property
    found = opened_space(space, document.base_path)
    if not isinstance(found, CompoundBoundarySpace) or spec is None:
        raise ConfigurationError(f"a {space.type} space has no boundaries of a compound")
    if wanted not in (None, BOUNDARY_ENERGY):
        raise ConfigurationError(f"objective.property: a {space.type} space gives {BOUNDARY_ENERGY}, not {wanted!r}")
    relaxation = document.relaxation or spec.relaxation
    return CompoundBoundaryJob(
        space=found,
        candidate=document.candidate,
        calculator=opened_calculator(spec, document.base_path),
        reference=opened_compound(spec, document.base_path, space, relaxation),
        relaxation=None if space.as_they_stand else relaxation,
        unit=document.objective.unit,
        folder=folder,
    )


@dataclass(frozen=True)
class CompoundBoundaryJob:
    """Relaxes a cell with two equal boundaries."""

    space: CompoundBoundarySpace
    candidate: str
    calculator: Calculator
    reference: CompoundReference
    relaxation: RelaxationSpec | None
    unit: str
    folder: Path

    def __call__(self) -> Outcome:
        """Computes the boundary energy at the chemical potential of the unit's own crystal."""
        begun = time.perf_counter()
        start = self.space.built(self.candidate, self.reference.crystal)
        with scratch_of(self.calculator, start, self.relaxation, self.folder) as calculator:
            if self.relaxation is None:
                result = calculator.evaluate(start)
            else:
                result = relaxed_boundary(calculator, start, self.relaxation)
            files = take_files(result, self.folder)
        cell = result.atoms.cell.array
        area = float(np.linalg.norm(np.cross(cell[0], cell[1])))
        units, excess = int(start.info["formula_units"]), int(start.info["excess_units"])
        value = self.reference.boundary_energy(result.energy, units, excess, area)
        moved = check_grains(start, result.atoms, self.reference.crystal.nearest)
        apart = asymmetry(start, result.atoms)
        start.info[BOUNDARY_ENERGY] = value
        write_result(self.folder / STRUCTURE_FILE, start, result)
        quantities = {
            BOUNDARY_ENERGY: Quantity(value=value, unit="J/m^2"),
            "energy": Quantity(value=result.energy, unit="eV"),
            "bulk_energy_per_formula_unit": Quantity(value=self.reference.bulk, unit="eV"),
            "expansion": Quantity(value=0.5 * float(cell[2, 2] - start.cell[2, 2]) + start.info["opening"], unit="Angstrom"),
        }
        if self.reference.unit is not None:
            quantities["unit_energy"] = Quantity(value=self.reference.unit, unit="eV")
        if self.reference.lowest_potential is not None:
            quantities[LOWEST_POTENTIAL] = Quantity(value=self.reference.lowest_potential, unit="eV")
        return Outcome(
            value=recorded_in(value, "J/m^2", self.unit),
            quantities=quantities,
            properties={
                "n_atoms": len(start),
                "area": area,
                "excess_units": excess,
                "steps": result.steps,
                "converged": result.converged,
                "asymmetry": apart,
                "boundaries_differ": apart > ALIKE,
                "grain_motion": moved,
                **_doubtful(apart, moved / self.reference.crystal.nearest),
            },
            wall_time=time.perf_counter() - begun,
            artifacts={STRUCTURE_FILE: STRUCTURE_FILE, **files},
            provenance=result.provenance,
            predicted_by=result.provenance.model if result.predicted else None,
        )


def _doubtful(apart: float, motion: float) -> JsonDict:
    """Reasons for which the value may not be that of the boundary; empty where nothing speaks against it.

    Args:
        apart: Distance of an atom from its image under the inversion [Å].
        motion: Displacement in the middle of a grain, as a share of the crystal's shortest distance.
    """
    found = []
    if apart > ALIKE:
        found.append(f"its two boundaries differ by up to {apart:.2g} Å; the value is their mean, and one has a lower energy")
    if motion > STILL:
        found.append("the middle of a grain has changed, so that its energy is not the crystal's; expected thicker grains")
    return {DOUBT: "; ".join(found)} if found else {}
