"""The page of a campaign, and the forms that steer it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from http import HTTPStatus
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from tansaku.deploy.web import deleting, sharing, steering
from tansaku.deploy.web.api.campaigns import EvaluationQuery
from tansaku.deploy.web.auth.roles import require
from tansaku.deploy.web.errors import ProblemError
from tansaku.deploy.web.forms import form_fields, new_key
from tansaku.deploy.web.pages.again import or_again
from tansaku.deploy.web.pages.budget import budget_changes, budget_content
from tansaku.deploy.web.pages.formats import Html, aligned, campaign_address
from tansaku.deploy.web.pages.refused import NOTHING, Form, Refused
from tansaku.deploy.web.pages.rendering import render
from tansaku.deploy.web.pages.runs import run_content
from tansaku.deploy.web.pages.shared_parts import shared_part
from tansaku.deploy.web.services import Services, services_of
from tansaku.models.domain.accounts import Actor, Role
from tansaku.models.domain.evaluation_columns import Place, shown_at
from tansaku.models.domain.records import JsonDict, SteeringKind
from tansaku.models.domain.states import EvaluationState
from tansaku.tasks.act.checks.rights import may_delete, may_rename, may_steer
from tansaku.tasks.ground.formats.yaml_text import write_yaml
from tansaku.tasks.read.views.evaluation_table import (
    SORTS,
    FailureGroup,
    Selection,
    TablePage,
    best_series,
    evaluation_of,
    failure_groups,
    improvements,
    systems_of,
    table_page,
)
from tansaku.tasks.read.views.events import describe_payload, event_lines
from tansaku.tasks.read.views.hits import hits_of
from tansaku.tasks.read.views.proposals import EXPECTED_WITHIN, last_proposals, predictions_of, system_lines
from tansaku.tasks.read.views.readings import Reading

router = APIRouter(prefix="/campaigns")

Viewer = Annotated[Actor, Depends(require(Role.VIEWER))]
Operator = Annotated[Actor, Depends(require(Role.OPERATOR))]

_MOST_EVENTS = 50
_MOST_FAILURES = 100
_MOST_HITS = 100
_FORM_KINDS: tuple[SteeringKind, ...] = ("pause", "resume", "cancel", "edit", "retry", "rerun")
_LONGEST_NUMBER = 16


@router.get("/{name}")
def campaign_page(request: Request, actor: Viewer, name: str, requested: str | None = None) -> Response:
    """Shows a campaign."""
    return show_campaign(request, actor, name, requested)


def show_campaign(
    request: Request, actor: Actor, name: str, requested: str | None = None, refused: Refused = NOTHING
) -> Response:
    """The page of a campaign.

    Args:
        request: To answer.
        actor: Who looks.
        name: Of the campaign.
        requested: Id of the command that the actor gave just now.
        refused: The form that was refused.
    """
    services = services_of(request)
    reading = services.readings.reading(name)
    given = steering.find_given(reading.record, requested, has_driver=reading.campaign.lease is not None)
    content = _content(services, actor, reading) | {
        "said": None if given is None else steering.outlook(given),
        "spec_text": write_yaml(reading.record.spec),
        "may_delete": may_delete(services.accounts, actor, reading.record),
        "may_rename": may_rename(services.accounts, actor, reading.record),
        "may_share": may_delete(services.accounts, actor, reading.record),
        "layout": "base.html",
        "refused": refused,
    }
    return render(request, "campaign.html", content)


@router.get("/{name}/parts")
def campaign_parts(request: Request, actor: Viewer, name: str, seen: str | None = None) -> Response:
    """The parts of a campaign's page, rendered once for all who follow it.

    Args:
        request: To answer.
        actor: Who looks.
        name: Of the campaign.
        seen: A version of the stream of changes; the parts must be at least as recent.
    """
    services = services_of(request)
    reading = services.readings.reading(name, seen)
    may = may_steer(services.accounts, actor, reading.record.steerers)
    return shared_part(request, reading, (actor.role, may), lambda: _content(services, actor, reading))


def _content(services: Services, actor: Actor, reading: Reading) -> JsonDict:
    """Content of the page."""
    return {
        **_shown(services, reading),
        **_table(reading, Selection()),
        **run_content(services, actor, reading),
        **budget_content(reading),
        "offered": steering.offered(services, actor, reading),
        "may_copy": actor.may(Role.OPERATOR),
        # Not in the part that all users of a role share; the page itself shows it.
        "may_delete": False,
        "may_rename": False,
        "may_share": False,
        "key": new_key,
    }


@router.get("/{name}/table")
def evaluations_page(request: Request, _: Viewer, name: str, query: Annotated[EvaluationQuery, Query()]) -> Response:
    """Shows a page of the evaluations."""
    reading = services_of(request).readings.reading(name)
    return render(request, "evaluations.html", {"reading": reading, **_table(reading, query.selection())})


@router.post("/{name}/commands")
async def give_command(request: Request, actor: Operator, name: str) -> Response:
    """Stores the command of a form."""
    services, fields = services_of(request), await form_fields(request)

    def give() -> Response:
        order = _order(services, name, fields)
        given = steering.give(services, actor, name, order)
        return RedirectResponse(f"{campaign_address(name)}?{urlencode({'requested': given.command.id})}", HTTPStatus.SEE_OTHER)

    kind = fields.get("kind", "")
    form = Form(kind if kind in ("edit", "retry") else "steer", fields)
    return await run_in_threadpool(or_again, form, give, lambda refused: show_campaign(request, actor, name, refused=refused))


@router.post("/{name}/deletion")
async def delete_campaign(request: Request, actor: Operator, name: str) -> Response:
    """Deletes a campaign whose name was typed, or asks the service to."""
    fields = await form_fields(request)

    def delete() -> Response:
        asked = deleting.delete(services_of(request), actor, name, fields.get("confirm", ""))
        return RedirectResponse("/" if asked is None else campaign_address(name), HTTPStatus.SEE_OTHER)

    form = Form("delete", fields)
    return await run_in_threadpool(or_again, form, delete, lambda refused: show_campaign(request, actor, name, refused=refused))


@router.post("/{name}/sharing")
async def share_campaign(request: Request, actor: Operator, name: str) -> Response:
    """Shares a campaign with the users that are named."""
    fields = await form_fields(request)

    def share() -> Response:
        sharing.share(services_of(request), actor, name, fields.get("users", "").replace(",", " ").split())
        return RedirectResponse(campaign_address(name), HTTPStatus.SEE_OTHER)

    form = Form("share", fields)
    return await run_in_threadpool(or_again, form, share, lambda refused: show_campaign(request, actor, name, refused=refused))


def _order(services: Services, name: str, fields: Mapping[str, str]) -> steering.Order:
    """The command of a form's fields."""
    reading = services.readings.reading(name)
    kind = next((known for known in _FORM_KINDS if known == fields.get("kind")), None)
    if kind is None:
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, f"expected one of {', '.join(_FORM_KINDS)}", key="kind")
    key = fields.get("key", "")
    if kind == "edit":
        return steering.Order(kind, key, changes=budget_changes(reading, fields), revision=fields.get("revision", ""))
    if kind == "rerun":
        return steering.Order(kind, key, candidates=(_candidate(reading, fields.get("number", "")),))
    if kind != "retry":
        return steering.Order(kind, key)
    failed = [(failure.round, failure.candidate) for failure in reading.status.failures]
    chosen = steering.chosen_candidates(failed, list(fields))
    if not chosen and "all" not in fields:
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, "no failed evaluation is selected", key="evaluation")
    return steering.Order(kind, key, candidates=() if "all" in fields else chosen)


def _candidate(reading: Reading, text: str) -> str:
    """Candidate of the evaluation whose number a form has."""
    found = evaluation_of(reading, int(text)) if text.isdecimal() and len(text) < _LONGEST_NUMBER else None
    if found is None:
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, f"there is no evaluation {text!r}", key="number")
    return found.proposal.candidate


def _shown(services: Services, reading: Reading) -> JsonDict:
    """Content of the page besides the table."""
    series = best_series(reading)
    events = services.store.events(reading.record.name, limit=_MOST_EVENTS)
    return {
        "reading": reading,
        "status": reading.status,
        "failures": _few(failure_groups(reading.status.failures)),
        "most_failures": _MOST_FAILURES,
        "failed": len(reading.status.failures),
        "series": series,
        "improvements": improvements(series),
        "by_system": system_lines(reading),
        "hits": hits_of(reading.arrays, reading.spec.objective),
        "most_hits": _MOST_HITS,
        "proposals": last_proposals(reading),
        "predictions": predictions_of(reading, most=0),
        "expected_within": EXPECTED_WITHIN,
        "revision": steering.revision(reading.record),
        "commands": _commands(reading),
        "events": event_lines(reading.record, reversed(events)),
    }


def _few(groups: list[FailureGroup]) -> list[FailureGroup]:
    """The first groups, up to a number of failures, because a form has a limited number of fields."""
    few, left = [], _MOST_FAILURES
    for group in groups:
        if left > 0:
            few.append(replace(group, failures=group.failures[:left]))
        left -= len(group.failures)
    return few


def _commands(reading: Reading) -> list[JsonDict]:
    """Commands, newest first, each with its effect."""
    record, driven = reading.record, reading.campaign.lease is not None
    found = [steering.find_given(record, command.id, has_driver=driven) for command in reversed(record.commands)]
    return [
        {"command": given.command, "payload": describe_payload(given.command), "outlook": steering.outlook(given)}
        for given in found
        if given is not None
    ]


def _numbers(page: TablePage, name: str) -> list[Html]:
    """Numbers of a column of the table, those of values with their standard deviations."""
    spreads = [line["deviation"] for line in page.lines] if name == "value" else None
    return aligned([line[name] for line in page.lines], spreads)


def _table(reading: Reading, selection: Selection) -> JsonDict:
    page: TablePage = table_page(reading, selection)
    query = {key: value for key, value in asdict(selection).items() if key != "limit"} | {"after": page.next}
    return {
        "page": page,
        "columns": (columns := shown_at(Place.PAGE)),
        "numbers": {column.name: _numbers(page, column.name) for column in columns if column.kind is float},
        "selection": selection,
        "next_query": urlencode({key: value for key, value in query.items() if value is not None}),
        "states": [state.value for state in EvaluationState],
        "systems": systems_of(reading),
        "sorts": SORTS,
    }
