"""Jobs that compute the energy of a boundary of a compound."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from ase import Atoms

from tansaku.calculators.structures.compound_boundary import Content, SlabPair, inversion_images
from tansaku.calculators.workflows.boundary_convergence import (
    MidGrain,
    convergence_reasons,
    released_change,
    shaken_middle,
    vacancy_differences,
)
from tansaku.calculators.workflows.boundary_energy import EV_PER_A2, planar_area
from tansaku.calculators.workflows.compound_boundary import (
    CompoundReference,
    asymmetry,
    check_grains,
    check_whole,
    relaxed_boundary,
)
from tansaku.models.domain.errors import CalculationError, ConfigurationError
from tansaku.models.domain.history import LOWEST_POTENTIAL
from tansaku.models.domain.ports import CalculationResult, Calculator
from tansaku.models.domain.records import JsonDict, Outcome, Quantity
from tansaku.models.domain.specs.compound_boundary import BOUNDARY_ENERGY
from tansaku.models.domain.specs.relaxation import RelaxationSpec
from tansaku.models.domain.units import recorded_in
from tansaku.spaces.compound_boundary import CompoundBoundarySpace
from tansaku.tasks.node.jobs.document import DOUBT, GRAIN_THICKNESSES, STRUCTURE_FILE, THICKNESS_CHANGE, JobDocument
from tansaku.tasks.node.jobs.energy import write_result
from tansaku.tasks.node.jobs.kept import begun_from, scratch_of, take_files
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
        reference=opened_compound(spec, document.base_path, space, relaxation, document.candidate),
        relaxation=None if space.as_they_stand else relaxation,
        unit=document.objective.unit,
        folder=folder,
        kept=getattr(space, "equal_boundaries", None) == "kept",
        whole=getattr(space, "cleaved", None) == "failure",
        thickness=max(document.thicknesses, default=None),
        searched=document.start,
    )


@dataclass(frozen=True)
class CompoundBoundaryJob:
    """Relaxes a cell with two equal boundaries.

    Attributes:
        kept: Whether relaxations keep them equal.
        whole: Whether grains that came apart are a failure.
        thickness: Of the grains with which the value is checked [Å]; None: it is not checked.
        searched: The structure of the search, from which a check begins; None: the space's own.
    """

    space: CompoundBoundarySpace
    candidate: str
    calculator: Calculator
    reference: CompoundReference
    relaxation: RelaxationSpec | None
    unit: str
    folder: Path
    kept: bool = False
    whole: bool = False
    thickness: float | None = None
    searched: str | None = None

    def __call__(self) -> Outcome:
        """Computes the boundary energy at the chemical potential of the unit's own crystal."""
        begun = time.perf_counter()
        start = self.space.built(self.candidate, *self.reference.crystals)
        slabs = self.space.slabs(self.candidate, *self.reference.crystals)
        checks, reasons = JsonDict(), list[str]()
        with scratch_of(self.calculator, start, self.relaxation, self.folder) as calculator:
            result = self._relaxed(calculator, start, begun_from(self.searched, self.candidate, start))
            if self.thickness is not None and self.relaxation is not None:
                slabs, start, result, checks, reasons = self._checked(calculator, slabs, start, result)
            files = take_files(result, self.folder)
        cell = result.atoms.cell.array
        area, content = planar_area(result.atoms), _content(start)
        value = self._value(start, result, slabs)
        nearest, distorted = self.reference.crystal.nearest, self.reference.motion
        if self.whole:
            check_whole(start, result.atoms)
        moved = check_grains(start, result.atoms, nearest, distorted)
        apart = asymmetry(start, result.atoms)
        reasons = [*_reasons(apart, still=moved <= STILL * nearest + distorted), *reasons]
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
        if self.reference.second is not None:
            quantities["second_unit_energy"] = Quantity(value=self.reference.second, unit="eV")
        if self.reference.distortion is not None:
            quantities["distortion_energy"] = Quantity(value=self.reference.distortion.energy, unit="eV")
        if self.reference.lowest_potential is not None:
            quantities[LOWEST_POTENTIAL] = Quantity(value=self.reference.lowest_potential, unit="eV")
        return Outcome(
            value=recorded_in(value, "J/m^2", self.unit),
            quantities=quantities,
            properties={
                "n_atoms": len(start),
                "area": area,
                "excess_units": content.excess,
                **({} if self.reference.second is None else {"second_units": content.second}),
                "steps": result.steps,
                "converged": result.converged,
                "asymmetry": apart,
                "boundaries_differ": apart > ALIKE,
                "grain_motion": moved,
                **self._strain(),
                **checks,
                **({DOUBT: "; ".join(reasons)} if reasons else {}),
            },
            wall_time=time.perf_counter() - begun,
            artifacts={STRUCTURE_FILE: STRUCTURE_FILE, **files},
            provenance=result.provenance,
            predicted_by=result.provenance.model if result.predicted else None,
        )

    def _strain(self) -> JsonDict:
        """Largest strain of a grain where both are strained, and by how much that raises the energy of a formula unit [eV]."""
        if self.reference.grains is None:
            return {}
        misfit = self.space.meeting(self.candidate).pair.of(self.reference.crystal).misfit
        return {"strain": 0.5 * misfit, "strain_energies": list(self.reference.strain_energies)}

    def _relaxed(self, calculator: Calculator, start: Atoms, begin: Atoms) -> CalculationResult:
        if self.relaxation is None:
            return calculator.evaluate(begin)
        return relaxed_boundary(calculator, begin, self.relaxation, inversion_images(start) if self.kept else None)

    def _value(self, start: Atoms, result: CalculationResult, slabs: SlabPair) -> float:
        """Boundary energy [J/m^2].

        Args:
            slabs: Of the cell.
        """
        return self.reference.boundary_energy(result.energy, _content(start), planar_area(result.atoms), slabs.share)

    def _checked(
        self, calculator: Calculator, slabs: SlabPair, start: Atoms, result: CalculationResult
    ) -> tuple[SlabPair, Atoms, CalculationResult, JsonDict, list[str]]:
        """Relaxes the cell with thicker grains, and checks their middle and the inversion.

        Returns:
            The slabs of the thicker cell, the cell as built and the result of its relaxation, or the given ones where it does
            not relax; properties that report the checks, and sentences against the value.
        """
        assert self.thickness is not None
        assert self.relaxation is not None
        value = self._value(start, result, slabs)
        vacancies: dict[str, float] = {}
        if not self.reference.motion:  # else grains are distorted, and the crystal of the comparison is not
            vacancies = vacancy_differences(calculator, MidGrain(slabs, start, result), self.reference)
        released = None
        if self.kept:
            released = released_change(calculator, result, self.relaxation, planar_area(result.atoms), EV_PER_A2)
        properties: JsonDict = {"vacancy_differences": vacancies, **({"released_change": released} if self.kept else {})}
        thicker = slabs.thicker(self.thickness - slabs.thinnest)
        grains = (slabs.thinnest, thicker.thinnest)
        built, begin = self.space.thickened(start, result.atoms, slabs, self.thickness)
        if self.reference.motion:
            begin = shaken_middle(built, begin)
        try:
            thick = self._relaxed(calculator, built, begin)
            if self.whole:
                check_whole(built, thick.atoms)
            check_grains(built, thick.atoms, self.reference.crystal.nearest, self.reference.motion)
        except CalculationError as error:
            return slabs, start, result, properties, convergence_reasons(grains, error.reason, vacancies, released)
        change = self._value(built, thick, thicker) - value
        rows = [
            {"thickness": thickness, "atoms": len(atoms), "energy": energy, "failure": None}
            for thickness, atoms, energy in zip(grains, (start, built), (value, value + change), strict=True)
        ]
        properties |= {GRAIN_THICKNESSES: rows, THICKNESS_CHANGE: change}
        return thicker, built, thick, properties, convergence_reasons(grains, change, vacancies, released)


def _content(start: Atoms) -> Content:
    info = start.info
    return Content(int(info["formula_units"]), int(info["excess_units"]), int(info.get("second_units", 0)))


def _reasons(apart: float, *, still: bool) -> list[str]:
    """Reasons for which the value may not be that of the boundary.

    Args:
        apart: Distance of an atom from its image under the inversion [Å].
        still: Whether atoms in the middle of a grain are about as far from the crystal's places as its distortion takes them.
    """
    found = []
    if apart > ALIKE:
        found.append(f"its two boundaries differ by up to {apart:.2g} Å; the value is their mean, and one has a lower energy")
    if not still:
        found.append(
            "the middle of a grain has changed, so that its energy is not the crystal's; expected thicker grains, or "
            "space.supercell where octahedra tilt"
        )
    return found
