"""Computes the outcome of a job document. Spaces and calculators are opened once per process and reused."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

from pydantic import ValidationError

import tansaku
from tansaku.models.domain.absurd_values import absurd, believable
from tansaku.models.domain.errors import CalculationError, ConfigurationError
from tansaku.models.domain.ports import Space, TabulatedSpace
from tansaku.models.domain.records import Failure, Outcome, Provenance
from tansaku.models.domain.specs.campaign import ObjectiveSpec
from tansaku.models.domain.states import FailureKind
from tansaku.tasks.ground.site.garbage import collection_paused
from tansaku.tasks.node.jobs.document import JobDocument, TrainingDocument, Work
from tansaku.tasks.node.jobs.machine import cpu_name
from tansaku.tasks.node.jobs.opened import check_calculator, opened_calculator, opened_space
from tansaku.tasks.node.jobs.plugin_modules import check_modules, plugins_of
from tansaku.tasks.node.jobs.workflows import open_job


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
    check_modules(document)
    if document.space.description.recorded:
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
    outcome = believable(_complete(outcome, document.objective), document.objective, document.space)
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
    check_modules(document)
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
