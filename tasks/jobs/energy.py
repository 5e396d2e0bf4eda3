"""Jobs that compute the energy of a candidate's structure: crystals and their scans."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator

from tansaku.calculators.structures.extended_xyz import write_extended_xyz
from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.ports import CalculationResult, Calculator, Space
from tansaku.models.domain.records import Outcome, Quantity
from tansaku.models.domain.specs.energy_space import ENERGY_PER_ATOM
from tansaku.models.domain.specs.relaxation import RelaxationSpec
from tansaku.models.domain.specs.space import EnergySpaceSpec
from tansaku.models.domain.units import convert, recorded_in
from tansaku.tasks.jobs.document import STRUCTURE_FILE, JobDocument
from tansaku.tasks.jobs.kept import scratch_of, take_files
from tansaku.tasks.jobs.opened import opened_calculator, opened_space

FREE_ENERGY = "free_energy"
"""Energy whose derivatives are forces and stress, where a code distinguishes it from ``energy`` [eV]."""


def open_energy_job(document: JobDocument, folder: Path) -> EnergyJob:
    """Opens the job of a document whose objective is an energy.

    Raises:
        ConfigurationError: The document is of another kind, or its objective is not an energy.
    """
    space, spec, objective = document.space, document.calculator, document.objective
    if not isinstance(space, EnergySpaceSpec) or spec is None:
        raise ConfigurationError(f"a {space.type} space has no structures whose energy can be computed")
    wanted = objective.property or space.description.properties[0]
    if wanted not in COMPUTED:
        raise ConfigurationError(f"objective.property: a {space.type} space provides {' or '.join(COMPUTED)}, not {wanted!r}")
    return EnergyJob(
        space=opened_space(space, document.base_path),
        candidate=document.candidate,
        calculator=opened_calculator(spec, document.base_path),
        relaxation=(document.relaxation or spec.relaxation) if space.relaxed else None,
        wanted=wanted,
        unit=objective.unit,
        folder=folder,
    )


def _energy_per_atom(result: CalculationResult) -> Quantity:
    return Quantity(value=result.energy / len(result.atoms), unit="eV/atom")


COMPUTED: dict[str, Callable[[CalculationResult], Quantity]] = {
    ENERGY_PER_ATOM: _energy_per_atom,
}
"""How properties that such a space can be searched for are computed. Plug-ins that bring a property add theirs here."""


@dataclass(frozen=True)
class EnergyJob:
    """Computes energy, forces and stress of a structure, unrelaxed or relaxed."""

    space: Space
    candidate: str
    calculator: Calculator
    relaxation: RelaxationSpec | None
    unit: str
    folder: Path
    wanted: str = ENERGY_PER_ATOM

    def __call__(self) -> Outcome:
        """Computes the energy."""
        begun = time.perf_counter()
        start = self.space.structure(self.candidate)
        with scratch_of(self.calculator, start, self.relaxation, self.folder) as calculator:
            result = calculator.evaluate(start, self.relaxation)
            files = take_files(result, self.folder)
        computed = {name: compute(result) for name, compute in COMPUTED.items()}
        value = computed[self.wanted]
        write_result(self.folder / STRUCTURE_FILE, start, result)
        # What is estimated is the energy's error.
        deviation = result.deviation if self.wanted == ENERGY_PER_ATOM else None
        return Outcome(
            value=recorded_in(value.value, value.unit, self.unit),
            quantities={
                **computed,
                "energy": Quantity(value=result.energy, unit="eV"),
                **{name: Quantity(value=value, unit="eV") for name, value in result.terms.items()},
            },
            properties={"n_atoms": len(start), "steps": result.steps, "converged": result.converged}
            | ({"calculation": dict(result.details)} if result.details else {}),
            wall_time=time.perf_counter() - begun,
            artifacts={STRUCTURE_FILE: STRUCTURE_FILE, **files},
            provenance=result.provenance,
            predicted_by=result.provenance.model if result.predicted else None,
            deviation=convert(deviation / len(start), "eV/atom", self.unit) if deviation is not None else None,
        )


def write_result(path: Path, start: Atoms, result: CalculationResult) -> None:
    """Writes a result's structure with its energies, forces, stress and provenance.

    Args:
        path: The file, extended XYZ.
        start: Initial structure, whose metadata are kept.
        result: What was computed.
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
