"""Computes the outcome of a job document. Spaces and calculators are opened once per process and reused."""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import cast

from pydantic import ValidationError

import tansaku
from tansaku.calculators.frozen_files import Watch, watching
from tansaku.models.domain.absurd_values import absurd, believable
from tansaku.models.domain.door import opened
from tansaku.models.domain.errors import CalculationError, ConfigurationError
from tansaku.models.domain.plugins import Plugin, code_of, plugin_of
from tansaku.models.domain.ports import Space, TabulatedSpace
from tansaku.models.domain.records import Failure, Outcome, Provenance
from tansaku.models.domain.specs.calculators.contract import workflow_of
from tansaku.models.domain.specs.campaign import ObjectiveSpec
from tansaku.models.domain.specs.job_description import jobs
from tansaku.models.domain.states import FailureKind
from tansaku.tasks.ground.site.garbage import collection_paused
from tansaku.tasks.node.jobs.described import open_described_job
from tansaku.tasks.node.jobs.document import JobDocument, TrainingDocument, Work
from tansaku.tasks.node.jobs.machine import cpu_name
from tansaku.tasks.node.jobs.opened import check_calculator, opened_calculator, opened_space


def work(document: Work, folder: Path) -> Outcome:
    """Runs a document: computes an evaluation or trains a surrogate. Raises their errors."""
    if isinstance(document, TrainingDocument):
        from tansaku.tasks.node.jobs.train import train

        return train(document, folder)
    return evaluate(document, folder)


def evaluate(document: JobDocument, folder: Path) -> Outcome:
    """Computes one evaluation.

    Args:
        document: What is to be computed.
        folder: Existing folder for the result's files; ``Outcome.artifacts`` names them.

    Returns:
        The objective's value in the objective's unit, or a science failure, also where a number is beyond the limit of its
        property. ``wall_time`` counts building the structure and computing it, not opening space and potential.

    Raises:
        ConfigurationError: The document cannot be computed, e.g. a file it names is not there, or is not the one that it was.
        MissingComponentError: An optional package is not installed.
        NotFoundError: The space has no such candidate.
        TransientError: The infrastructure failed.
    """
    compute: Callable[[], Outcome]
    provenance: Provenance | None = None
    _check_modules(document)
    if document.calculator is not None and document.calculator.facts.described:
        job = open_described_job(document)
        compute, provenance = job, job.calculator.provenance
    elif document.space.description.recorded:
        compute = _Recorded(opened_space(document.space, document.base_path), document.candidate)
    elif document.calculator is None:
        raise ConfigurationError(f"calculator: missing; a {document.space.type} space needs one")
    else:
        with collection_paused():  # the first job imports its libraries: garbage among what stays is searched in vain
            provenance = opened_calculator(document.calculator, document.base_path).provenance
            compute = open_job(document, folder)
    started_at, begun = datetime.now(UTC), time.perf_counter()
    outcome = _computed(compute, provenance)
    _check_unchanged(document)
    complete = outcome if document.reference is not None else _complete(outcome, document.objective)
    outcome = believable(complete, document.objective, document.space)
    wall_time = outcome.wall_time or time.perf_counter() - begun
    where = {
        "host": socket.gethostname(),
        "cpu": _cpu(),
        "tansaku_version": tansaku.__version__,
        "plugins": plugins_of(document),
    }
    return outcome.model_copy(
        update={
            "wall_time": wall_time,
            "started_at": started_at,
            "finished_at": datetime.now(UTC),
            "provenance": outcome.provenance.model_copy(update=where) if outcome.provenance is not None else None,
        }
    )


def _check_unchanged(document: JobDocument) -> None:
    """Raises ConfigurationError if a file that the evaluation used was changed meanwhile."""
    _check_modules(document)
    for calculator in (document.calculator, document.label.calculator if document.label is not None else None):
        if calculator is not None:
            check_calculator(calculator, document.base_path)


def _computed(compute: Callable[[], Outcome], provenance: Provenance | None) -> Outcome:
    """Returns what was computed, or a science failure."""
    try:
        return compute()
    except CalculationError as error:
        failure = Failure(kind=FailureKind.SCIENCE, reason=error.reason, message=error.message)
    except ValidationError as error:
        # Records take finite numbers only, and a large one may overflow in another unit.
        wrong = error.errors()
        if any(problem["type"] != "finite_number" for problem in wrong):
            raise
        found = ", ".join(f"{'.'.join(map(str, problem['loc']))}: {problem['input']}" for problem in wrong)
        failure = absurd(f"{found}; expected a finite number")
    return Outcome(failure=failure, provenance=provenance)


def _complete(outcome: Outcome, objective: ObjectiveSpec) -> Outcome:
    """Turns an outcome that lacks a value of the goal into a science failure."""
    missing = [goal.property for goal in objective.further if goal.property not in outcome.quantities]
    if outcome.failure is not None or not missing:
        return outcome
    message = f"the evaluation returned no {', '.join(missing)}"
    failure = Failure(kind=FailureKind.SCIENCE, reason="incomplete", message=message)
    return outcome.model_copy(update={"value": None, "failure": failure})


@dataclass(frozen=True)
class _Recorded:
    space: Space
    candidate: str

    def __call__(self) -> Outcome:
        if not isinstance(self.space, TabulatedSpace):
            raise ConfigurationError("this space holds no recorded values; it needs a calculator")
        return self.space.recorded(self.candidate)


@lru_cache(maxsize=1)
def _cpu() -> str:
    return cpu_name()


def plugins_of(document: JobDocument) -> tuple[str, ...]:
    """Plug-ins that a document's parts come from, for provenance."""
    return tuple(dict.fromkeys(f"{plugin.origin} ({plugin.group}: {plugin.name})" for plugin in _plugins(document)))


def _check_modules(document: JobDocument) -> None:
    """Checks that the modules of a document's plug-ins are those that this process, and those before it, imported."""
    for plugin in dict.fromkeys(_plugins(document)):
        watch = _watch(plugin.origin)
        watch.check()
        known = {file.path for file in watch.used}
        imported = {f"{plugin.origin} {name}": path for name, path in _imported(_packages(plugin)) if path not in known}
        watch.add_in_place(imported)


def _plugins(document: JobDocument) -> Iterator[Plugin]:
    calculators = [document.calculator, document.label.calculator if document.label is not None else None]
    workflow = workflow_of(document.calculator)
    parts = [("spaces", document.space.type), ("objectives", document.objective.property or "")]
    parts += [("features", getattr(features, "type", "")) for features in getattr(document.space, "features", {}).values()]
    for calculator in filter(None, calculators):
        parts += [("calculators", calculator.type), ("calculators", str(getattr(calculator, "name", "")))]
    parts.append(("workflows", document.space.description.jobs.get(workflow.type if workflow is not None else None, "")))
    return filter(None, (plugin_of(group, name) for group, name in parts))


@lru_cache(maxsize=64)
def _packages(plugin: Plugin) -> frozenset[str]:
    """Packages that a plug-in itself brings; what they import of others belongs to the environment."""
    return frozenset(path.partition(":")[0].partition(".")[0] for path in (plugin.entry.module, *code_of(plugin))) - {"tansaku"}


def _imported(packages: Collection[str]) -> Iterator[tuple[str, Path]]:
    """Names and files of the modules of packages that this process has imported."""
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] in packages:
            file = getattr(module, "__file__", None)
            if file is not None:
                yield name, Path(file)


@lru_cache(maxsize=64)
def _watch(_version: str) -> Watch:
    """The watch over a plug-in; another version has another one, as its results say."""
    with watching() as watch:
        return watch


_Open = Callable[[JobDocument, Path], Callable[[], Outcome]]


def open_job(document: JobDocument, folder: Path) -> Callable[[], Outcome]:
    """Opens the job of a document.

    Args:
        document: What is to be computed, with a calculator.
        folder: For the result's files.

    Raises:
        ConfigurationError: No workflow computes such a space with this spec.
    """
    if document.reference is not None:
        from tansaku.tasks.node.jobs.references import open_reference_job

        return open_reference_job(document, document.reference, folder)
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
    job = cast("_Open", opened("workflows", wanted, known[wanted].opener))(document, folder)
    if document.label is None:
        return job
    from tansaku.tasks.node.jobs.labelling import open_labelled_job

    return open_labelled_job(job, document.label, document, folder)
