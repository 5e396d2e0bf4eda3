"""Selects the workflow for a candidate by the type of its space and the calculator's spec; only its own code is imported."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import cast

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.openers import opener
from tansaku.models.domain.plugins import open_by
from tansaku.models.domain.records import Outcome
from tansaku.models.domain.specs.calculators.contract import workflow_of
from tansaku.models.domain.specs.job_description import plugin_jobs
from tansaku.tasks.node.jobs.document import JobDocument

Open = Callable[[JobDocument, Path], Callable[[], Outcome]]

JOBS: dict[str, str] = {
    "barrier": "tansaku.tasks.node.jobs.barrier:open_barrier_job",
    "binding": "tansaku.tasks.node.jobs.binding:open_binding_job",
    "boundary": "tansaku.tasks.node.jobs.boundary:open_boundary_job",
    "energy": "tansaku.tasks.node.jobs.energy:open_energy_job",
}
"""Module and function, by the name of the job in descriptions of spaces."""


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
    wanted = jobs[name]
    open_named = cast("Open", opener(JOBS, wanted, "job")) if wanted in JOBS else _job_of_plugin(wanted)
    job = open_named(document, folder)
    if document.label is None:
        return job
    from tansaku.tasks.node.jobs.labelling import open_labelled_job

    return open_labelled_job(job, document.label, document, folder)
