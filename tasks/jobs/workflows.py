"""Selects the workflow for a candidate by the type of its space and the calculator's spec."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.records import Outcome
from tansaku.models.domain.specs.calculator import workflow_of
from tansaku.tasks.jobs.barrier import open_barrier_job
from tansaku.tasks.jobs.boundary import open_boundary_job
from tansaku.tasks.jobs.document import JobDocument
from tansaku.tasks.jobs.energy import open_energy_job
from tansaku.tasks.jobs.labelling import open_labelled_job

Open = Callable[[JobDocument, Path], Callable[[], Outcome]]

_WORKFLOWS: dict[tuple[str, str | None], Open] = {
    ("grain_boundary", None): open_boundary_job,
    ("composition", "migration_barrier"): open_barrier_job,
    ("crystals", None): open_energy_job,
    ("prototypes", None): open_energy_job,
}


def open_job(document: JobDocument, folder: Path) -> Callable[[], Outcome]:
    """Opens the job of a document.

    Args:
        document: What is to be computed, with a calculator.
        folder: For the result's files.

    Raises:
        ConfigurationError: No workflow computes such a space with this spec.
    """
    workflow = workflow_of(document.calculator)
    name = workflow.type if workflow is not None else None
    found = _WORKFLOWS.get((document.space.type, name))
    if found is None:
        known = [wanted or "null" for space, wanted in _WORKFLOWS if space == document.space.type]
        raise ConfigurationError(
            f"calculator.workflow: {name or 'null'} does not compute a {document.space.type} space; expected "
            f"{' or '.join(known) or 'another space'}"
        )
    job = found(document, folder)
    return job if document.label is None else open_labelled_job(job, document.label, document, folder)
