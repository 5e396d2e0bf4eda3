"""Selects the workflow for a candidate by the type of its space and the calculator's spec."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.plugins import open_by
from tansaku.models.domain.records import Outcome
from tansaku.models.domain.specs.calculators.contract import workflow_of
from tansaku.models.domain.specs.job_description import plugin_jobs
from tansaku.models.domain.specs.space_base import JobName
from tansaku.tasks.jobs.barrier import open_barrier_job
from tansaku.tasks.jobs.boundary import open_boundary_job
from tansaku.tasks.jobs.document import JobDocument
from tansaku.tasks.jobs.energy import open_energy_job
from tansaku.tasks.jobs.labelling import open_labelled_job

Open = Callable[[JobDocument, Path], Callable[[], Outcome]]

JOBS: dict[JobName, Open] = {
    "barrier": open_barrier_job,
    "boundary": open_boundary_job,
    "energy": open_energy_job,
}
"""What opens the jobs that descriptions of spaces name."""


def _job_of_plugin(name: str) -> Open:
    """Raises ConfigurationError if no plug-in brings the job."""
    known = plugin_jobs()
    if name not in known:
        raise ConfigurationError(f"the space is computed by job {name!r}, which no plug-in brings here")
    plugin, description = known[name]
    return open_by(description.opener, plugin)


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
    jobs = document.space.description.jobs
    if name not in jobs:
        raise ConfigurationError(
            f"calculator.workflow: {name or 'null'} does not compute a {document.space.type} space; expected "
            f"{' or '.join(wanted or 'null' for wanted in jobs) or 'another space'}"
        )
    job = (JOBS.get(jobs[name]) or _job_of_plugin(jobs[name]))(document, folder)
    return job if document.label is None else open_labelled_job(job, document.label, document, folder)
