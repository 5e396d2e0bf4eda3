"""Selects the workflow for a candidate by the type of its space and the calculator's spec; only its own code is imported."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import cast

from tansaku.models.domain.door import opened
from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.records import Outcome
from tansaku.models.domain.specs.calculators.contract import workflow_of
from tansaku.models.domain.specs.job_description import jobs
from tansaku.tasks.node.jobs.document import JobDocument

Open = Callable[[JobDocument, Path], Callable[[], Outcome]]


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
    named = document.space.description.jobs
    if name not in named:
        raise ConfigurationError(
            f"calculator.workflow: {name or 'null'} does not compute a {document.space.type} space; expected "
            f"{' or '.join(wanted or 'null' for wanted in named) or 'another space'}"
        )
    wanted = named[name]
    known = jobs()
    if wanted not in known:
        raise ConfigurationError(f"the space is computed by job {wanted!r}, which no plug-in brings here")
    job = cast("Open", opened("workflows", wanted, known[wanted].opener))(document, folder)
    if document.label is None:
        return job
    from tansaku.tasks.node.jobs.labelling import open_labelled_job

    return open_labelled_job(job, document.label, document, folder)
