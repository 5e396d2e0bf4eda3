"""Jobs that compute the energy of a candidate's structure: crystals and their scans."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator

from tansaku.calculators.structures.extended_xyz import write_extended_xyz
from tansaku.calculators.workflows.equation_of_state import bulk_modulus
from tansaku.calculators.workflows.pinned_ion import relax_around_ion
from tansaku.calculators.workflows.stability import energy_above_hull, formation_energy, phases_of
from tansaku.models.domain.door import opened
from tansaku.models.domain.errors import CalculationError, ConfigurationError
from tansaku.models.domain.objectives import OBJECTIVES
from tansaku.models.domain.plugins import plugin_of
from tansaku.models.domain.ports import CalculationResult, Calculator, Space
from tansaku.models.domain.records import Outcome, Quantity
from tansaku.models.domain.specs.energy_space import ENERGY_PER_ATOM
from tansaku.models.domain.specs.energy_surface import ENERGY
from tansaku.models.domain.specs.relaxation import RelaxationSpec
from tansaku.models.domain.units import convert, recorded_in
from tansaku.tasks.node.jobs.document import FREE_ENERGY, STRUCTURE_FILE, JobDocument
from tansaku.tasks.node.jobs.kept import begun_from, scratch_of, take_files
from tansaku.tasks.node.jobs.opened import opened_calculator, opened_space
from tansaku.tasks.node.jobs.steps import write_steps

PHASES_KEY = "space.phases"


def open_energy_job(document: JobDocument, folder: Path) -> EnergyJob:
    """Opens the job of a document whose objective is an energy.

    Raises:
        ConfigurationError: The document is of another kind, or its objective is not an energy.
    """
    space, spec, objective = document.space, document.calculator, document.objective
    # The job of a plug-in's space may be this one under another name.
    if spec is None or not any(job == "energy" or plugin_of("workflows", job) for job in space.description.jobs.values()):
        raise ConfigurationError(f"a {space.type} space has no structures whose energy can be computed")
    wanted = objective.property or space.description.properties[0]
    if wanted not in COMPUTED and wanted in space.description.properties:
        raise ConfigurationError(f"calculator.workflow: missing; {wanted} of a {space.type} space needs a workflow")
    if wanted not in COMPUTED:
        raise ConfigurationError(f"objective.property: a {space.type} space provides {' or '.join(COMPUTED)}, not {wanted!r}")
    phases = space.competing_phases
    return EnergyJob(
        space=opened_space(space, document.base_path),
        candidate=document.candidate,
        calculator=opened_calculator(spec, document.base_path),
        relaxation=None if space.as_they_stand else (document.relaxation or spec.relaxation),
        wanted=wanted,
        further=tuple(goal.property for goal in objective.further),
        phases=None if phases is None else phases_of(phases, Path(document.base_path)),
        unit=objective.unit,
        folder=folder,
        around_ion=space.description.gridded,
        start=document.start,
    )


COMPUTED = tuple(name for name, description in OBJECTIVES.items() if description.compute is not None)
"""Properties for which a space can be searched whose candidates are computed for their energy."""

CHEAP = (ENERGY_PER_ATOM, ENERGY, "volume")
"""Properties that every result gives; the others are computed where they are wanted."""

_ERRORS = {ENERGY: "eV"} | dict.fromkeys((ENERGY_PER_ATOM, "formation_energy", "energy_above_hull"), "eV/atom")
"""Properties whose error is the energy's, with their units."""

Phases = Mapping[str, float] | None


def energy_per_atom_of(result: CalculationResult) -> Quantity:
    """Energy of an atom."""
    return Quantity(value=result.energy / len(result.atoms), unit="eV/atom")


def energy_of(result: CalculationResult) -> Quantity:
    """Energy of the cell."""
    return Quantity(value=result.energy, unit="eV")


def volume_of(result: CalculationResult) -> Quantity:
    """Volume of an atom."""
    return Quantity(value=result.atoms.get_volume() / len(result.atoms), unit="Angstrom^3/atom")


def formation_energy_of(result: CalculationResult, phases: Phases) -> Quantity:
    """Energy of an atom relative to the elements."""
    symbols = result.atoms.get_chemical_symbols()
    return Quantity(value=formation_energy(symbols, result.energy, _there(phases), PHASES_KEY), unit="eV/atom")


def energy_above_hull_of(result: CalculationResult, phases: Phases) -> Quantity:
    """Energy of an atom relative to the most stable mixture of phases."""
    symbols = result.atoms.get_chemical_symbols()
    return Quantity(value=energy_above_hull(symbols, result.energy, _there(phases), PHASES_KEY), unit="eV/atom")


def bulk_modulus_of(result: CalculationResult, calculator: Calculator) -> Quantity:
    """Bulk modulus, by further calculations."""
    return Quantity(value=bulk_modulus(calculator, result.atoms), unit="GPa")


def band_gap_of(result: CalculationResult) -> Quantity:
    """Band gap. Raises CalculationError if there are no empty bands."""
    gap = result.terms.get("band_gap")
    if gap is None:
        raise CalculationError("no_empty_bands", "no band above the highest occupied one was computed; raise calculator.bands")
    return Quantity(value=gap, unit="eV")


def _there(phases: Phases) -> Mapping[str, float]:
    if phases is None:
        raise ConfigurationError("space.phases: missing; the property compares a candidate with phases")
    return phases


@dataclass(frozen=True)
class EnergyJob:
    """Computes energy, forces and stress of a structure, unrelaxed or relaxed, or relaxed around its last atom."""

    space: Space
    candidate: str
    calculator: Calculator
    relaxation: RelaxationSpec | None
    unit: str
    folder: Path
    wanted: str = ENERGY_PER_ATOM
    further: tuple[str, ...] = ()
    phases: Mapping[str, float] | None = None
    around_ion: bool = False
    start: str | None = None

    def __call__(self) -> Outcome:
        """Computes the energy."""
        begun = time.perf_counter()
        start = begun_from(self.start, self.candidate, self.space.structure(self.candidate))
        with scratch_of(self.calculator, start, self.relaxation, self.folder) as calculator:
            if self.around_ion and self.relaxation is not None:
                result = relax_around_ion(calculator, start, self.relaxation)
            else:
                result = calculator.evaluate(start, self.relaxation)
            files = take_files(result, self.folder)
            more = {"calculator": calculator, "phases": self.phases}
            computed = {name: _computed(name, result, more) for name in dict.fromkeys((*CHEAP, self.wanted, *self.further))}
        value = computed[self.wanted]
        write_result(self.folder / STRUCTURE_FILE, start, result)
        # What is estimated is the energy's error.
        deviation = result.deviation if self.wanted in _ERRORS else None
        return Outcome(
            value=recorded_in(value.value, value.unit, self.unit),
            quantities={
                **computed,
                **{name: Quantity(value=value, unit="eV") for name, value in result.terms.items()},
            },
            properties={"n_atoms": len(start), "steps": result.steps, "converged": result.converged}
            | ({"calculation": dict(result.details)} if result.details else {}),
            wall_time=time.perf_counter() - begun,
            artifacts={STRUCTURE_FILE: STRUCTURE_FILE, **write_steps(result, self.folder), **files},
            provenance=result.provenance,
            predicted_by=result.provenance.model if result.predicted else None,
            deviation=None if deviation is None else self._error(deviation, len(start)),
        )

    def _error(self, deviation: float, atoms: int) -> float:
        """Error of the value in its unit, from that of the energy [eV]."""
        unit = _ERRORS[self.wanted]
        return convert(deviation if unit == "eV" else deviation / atoms, unit, self.unit)


def _computed(name: str, result: CalculationResult, more: Mapping[str, object]) -> Quantity:
    about = OBJECTIVES[name]
    compute = opened("objectives", name, str(about.compute))
    return Quantity.model_validate(compute(result, **{given: more[given] for given in about.given}))


def write_result(path: Path, start: Atoms, result: CalculationResult) -> None:
    """Writes a result's structure with its energies, forces, stress and provenance.

    Args:
        path: The file, extended XYZ.
        start: Initial structure, whose metadata are kept.
    """
    atoms = result.atoms.copy()
    atoms.info = dict(start.info)
    results = {
        "energy": result.energy,
        FREE_ENERGY: result.terms.get(FREE_ENERGY),
        "energies": result.energies,
        "forces": result.forces,
        "stress": result.stress,
    }
    atoms.calc = SinglePointCalculator(atoms, **{name: value for name, value in results.items() if value is not None})
    atoms.info |= {"potential": result.provenance.model, "potential_sha256": result.provenance.model_sha256}
    write_extended_xyz(path, atoms)
