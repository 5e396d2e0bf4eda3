"""Jobs that compute an element, to which the formation energies of a campaign refer."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from tansaku.calculators.workflows.references import reference_result
from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.ports import Calculator
from tansaku.models.domain.records import Outcome
from tansaku.models.domain.specs.energy_space import ENERGY_PER_ATOM
from tansaku.models.domain.specs.energy_surface import ENERGY
from tansaku.tasks.node.jobs.document import STRUCTURE_FILE, JobDocument
from tansaku.tasks.node.jobs.energy import energy_of, energy_per_atom_of, write_result
from tansaku.tasks.node.jobs.kept import take_files
from tansaku.tasks.node.jobs.opened import opened_calculator


@dataclass(frozen=True)
class ReferenceJob:
    """Computes the crystal or the molecule of an element."""

    calculator: Calculator
    element: str
    folder: Path

    def __call__(self) -> Outcome:
        """Computes its energy. The outcome has no value: an element is no candidate."""
        begun = time.perf_counter()
        result = reference_result(self.calculator, self.element)
        files = take_files(result, self.folder)
        write_result(self.folder / STRUCTURE_FILE, result.atoms, result)
        return Outcome(
            quantities={ENERGY_PER_ATOM: energy_per_atom_of(result), ENERGY: energy_of(result)},
            properties={"n_atoms": len(result.atoms), "steps": result.steps, "converged": result.converged},
            wall_time=time.perf_counter() - begun,
            artifacts={STRUCTURE_FILE: STRUCTURE_FILE, **files},
            provenance=result.provenance,
        )


def open_reference_job(document: JobDocument, element: str, folder: Path) -> ReferenceJob:
    """Opens the job of an element.

    Args:
        document: Names the calculator.
        element: Chemical symbol.
        folder: For the result's files.

    Raises:
        ConfigurationError: There is no calculator, or it cannot be opened.
    """
    if document.calculator is None:
        raise ConfigurationError("calculator: missing; energies of elements need one")
    return ReferenceJob(opened_calculator(document.calculator, document.base_path), element, folder)
