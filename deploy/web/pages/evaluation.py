"""The page of an evaluation."""

from __future__ import annotations

import json

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from tansaku.deploy.web import steering
from tansaku.deploy.web.api.campaigns import evaluation_at
from tansaku.deploy.web.auth.roles import Viewer
from tansaku.deploy.web.forms import new_key
from tansaku.deploy.web.pages.rendering import render
from tansaku.deploy.web.services import Services, services_of
from tansaku.models.domain.errors import ConfigurationError, NotFoundError, StoreError
from tansaku.models.domain.evaluation_columns import value_from
from tansaku.models.domain.records import Evaluation, JsonDict
from tansaku.models.domain.verbs import VERBS
from tansaku.tasks.act.measurements.attachments import candidate_attachments
from tansaku.tasks.read.views.campaign import Campaign
from tansaku.tasks.read.views.conditions import conditions_of
from tansaku.tasks.read.views.evaluation_table import evaluation_of, neighbours
from tansaku.tasks.read.views.failures import is_timeout
from tansaku.tasks.read.views.migration_path import migration_path
from tansaku.tasks.read.views.structures import StructureText, describe_structure, structure_sha256

router = APIRouter(prefix="/campaigns")

_LONGEST_DATA = 4000
_NOTHING = ("", "null", "{}", "[]")
"""Texts of what was not set."""


@router.get("/{name}/evaluations/{number}")
def evaluation_page(request: Request, actor: Viewer, name: str, number: int) -> Response:
    """Shows an evaluation."""
    services = services_of(request)
    reading, evaluation = evaluation_at(services, name, number)
    before, after = neighbours(reading, number)
    structure, problem = _structure(services, evaluation)
    may_give = steering.offered(services, actor, reading)
    content: JsonDict = {
        "reading": reading,
        "evaluation": evaluation,
        "before": before,
        "after": after,
        "reason": evaluation.reason,
        "timed_out": is_timeout(evaluation.reason),
        "surprise": _surprise(evaluation),
        "origin": value_from(reading.spec, evaluation),
        "provenance": _provenance(evaluation),
        "cells": conditions_of(reading, evaluation.proposal.candidate),
        "done": _done_cells(reading, evaluation),
        "attached": candidate_attachments(reading.record.commands, evaluation.proposal.candidate),
        "path": migration_path(evaluation),
        "structure": structure,
        "structure_problem": problem,
        "offered": [
            (kind, verb)
            for kind, verb in sorted(VERBS.items(), key=lambda item: item[1].grave)
            if kind in may_give and evaluation.state in verb.evaluations and (verb.of_measured or not reading.spec.manual)
        ],
        "key": new_key,
    }
    return render(request, "evaluation.html", content)


def _done_cells(reading: Campaign, evaluation: Evaluation) -> dict[str, str]:
    """Describes what was measured in place of an evaluation, by column; empty where nothing was."""
    done = None if evaluation.done_as is None else evaluation_of(reading, evaluation.done_as)
    return {} if done is None else conditions_of(reading, done.proposal.candidate)


def _surprise(evaluation: Evaluation) -> float | None:
    """Distance of the value from its prediction, in standard deviations of the prediction; None where either is missing."""
    mean, deviation = evaluation.proposal.predicted_mean, evaluation.proposal.predicted_deviation
    value = None if evaluation.outcome is None else evaluation.outcome.value
    return None if value is None or mean is None or not deviation else (value - mean) / deviation


def _structure(services: Services, evaluation: Evaluation) -> tuple[StructureText | None, str]:
    """Describes the structure, or why it cannot be shown; both empty where there is none."""
    if structure_sha256(evaluation) is None:
        return None, ""
    try:
        return describe_structure(evaluation, services.artifacts), ""
    except (ConfigurationError, NotFoundError, StoreError) as error:
        return None, error.message


def _provenance(evaluation: Evaluation) -> list[tuple[str, str]]:
    """Provenance of the value, as rows of a table."""
    found = evaluation.outcome.provenance if evaluation.outcome is not None else None
    if found is None:
        return []
    rows = found.model_dump(exclude={"settings"}) | {key: _text(value) for key, value in found.settings.items()}
    return [(str(key), str(value)) for key, value in rows.items() if value not in _NOTHING]


def _text(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _LONGEST_DATA else f"{text[:_LONGEST_DATA]} …"
