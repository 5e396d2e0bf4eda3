"""The page of a campaign, and the forms that steer it."""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from http import HTTPStatus
from threading import Lock
from typing import Annotated, Generic, TypeVar
from urllib.parse import urlencode, urlsplit

from fastapi import APIRouter, Query
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from tansaku.deploy.web import copying, drawing, managing, owning, projecting, steering
from tansaku.deploy.web.api.campaigns import EvaluationQuery
from tansaku.deploy.web.auth.roles import Operator, Viewer
from tansaku.deploy.web.errors import ProblemError
from tansaku.deploy.web.forms import form_fields, new_key
from tansaku.deploy.web.middleware import is_loopback
from tansaku.deploy.web.packing import Packed
from tansaku.deploy.web.pages.again import CarryOut, Forms, Sent
from tansaku.deploy.web.pages.formats import Html, aligned, campaign_address
from tansaku.deploy.web.pages.refused import NOTHING, Form, Refused
from tansaku.deploy.web.pages.rendering import render, renderer_of
from tansaku.deploy.web.services import Services, services_of
from tansaku.models.domain.accounts import Actor, Role
from tansaku.models.domain.errors import ConfigurationError, FieldError
from tansaku.models.domain.evaluation_columns import PURPOSES, Place, shown_at
from tansaku.models.domain.history import cost_limit
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.requests import RequestState, ServiceRequest
from tansaku.models.domain.states import STEPS, CampaignState, EvaluationState
from tansaku.models.domain.verbs import OWNER_VERBS, PROJECT_VERBS, VERBS, OwnerKind, ending_state
from tansaku.tasks.act.checks.check import engine_in_words
from tansaku.tasks.act.checks.rights import may_own, may_steer
from tansaku.tasks.act.commands.runs import may_run
from tansaku.tasks.backends.stores.campaigns import awaited_spec
from tansaku.tasks.ground.formats.yaml_edit import assignments
from tansaku.tasks.ground.formats.yaml_text import write_yaml
from tansaku.tasks.read.views.aim import aim_of
from tansaku.tasks.read.views.budget import Spent, budget_used
from tansaku.tasks.read.views.campaign import Campaign
from tansaku.tasks.read.views.conditions import conditions_told
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
from tansaku.tasks.read.views.pace import pace_of
from tansaku.tasks.read.views.parameter_figures import FIGURES as PARAMETER_FIGURES
from tansaku.tasks.read.views.parameter_figures import Cell, ParameterAxis, described
from tansaku.tasks.read.views.proposals import EXPECTED_WITHIN, last_proposals, predictions_of, system_lines
from tansaku.tasks.read.views.service_health import describe_request, is_open, is_starting, last_request, read_health
from tansaku.tasks.read.views.stable import stable_of
from tansaku.tasks.read.views.status import status_of

Made = TypeVar("Made")

LONGEST = 1.0
"""Time for which content is shared [s]: it also tells of events and requests, which no version of a campaign has."""

OF_THE_PAGE = "of-the-page"
"""In place of a form's token and keys, which the page that asked fills in: they are different for each of them."""

router = APIRouter(prefix="/campaigns")


_MOST_EVENTS, _EVENTS_READ = 25, 150
"""Events that are shown, and those of which they are chosen."""

_FIRST_ROWS = 25
"""Evaluations in the page itself, which few look at before they filter or sort: a phone shows each as a card."""

_MOST_FAILURES = 50
_MOST_HITS = 100
_LONGEST_NUMBER = 16
_LONGEST_CHANGES = 10_000
_SEEN = ("Completed", "Suspended:")
"""Begins of the reasons for which runs end as they should."""


@dataclass(frozen=True)
class Done:
    """Words for an action of just now on the page of a campaign.

    Attributes:
        requested: Id of a command.
        revoked: Id of a link that was revoked.
        known: Whether somebody wanted to create what is stored already.
        link: A new link, whose secret is shown this once.
    """

    requested: str | None = None
    revoked: str | None = None
    known: bool = False
    link: str | None = None


NOTHING_DONE = Done()

_KNOWN = "This campaign is stored already, with the same spec: nothing new was created. Choose another name for a new one."


@router.get("/{name}")
def campaign_page(
    request: Request, actor: Viewer, name: str, requested: str | None = None, revoked: str | None = None, known: bool = False
) -> Response:
    """Shows a campaign."""
    return show_campaign(request, actor, name, Done(requested, revoked, known))


def show_campaign(request: Request, actor: Actor, name: str, done: Done = NOTHING_DONE, refused: Refused = NOTHING) -> Response:
    """The page of a campaign.

    Args:
        done: What the actor did just now.
        refused: The form that was refused.
    """
    services = services_of(request)
    reading = services.readings.reading(name)
    given = steering.find_given(reading.record, done.requested, has_driver=reading.lease is not None)
    revoked = managing.said_of_revoked(services, done.revoked)
    content = _content(services, actor, reading) | {
        "said": revoked or (None if given is None else steering.outlook(given)) or (_KNOWN if done.known else None),
        "spec_text": reading.once("spec_text", lambda: write_yaml(reading.record.spec)),
        "of_owners": OWNER_VERBS if may_own(services.accounts, actor, reading.record) else {},
        "first": {"share": " ".join(known.user for known in reading.record.shared_with)},
        "may_link": (may_link := may_steer(services.accounts, actor, reading.record)),
        "links": managing.links_to(services, reading.record.id) if may_link else [],
        "revoker": managing.whose(actor),
        "link": done.link,
        "here_only": done.link is not None and is_loopback(urlsplit(done.link).hostname or ""),
        "revoked": bool(revoked),
        **_project_content(services, actor, reading),
        **_seeds_content(services, actor, reading),
        "layout": "base.html",
        "refused": refused,
    }
    return render(request, "campaign.html", content)


@router.get("/{name}/parts")
def campaign_parts(request: Request, actor: Viewer, name: str, seen: str | None = None) -> Response:
    """The parts of a campaign's page, rendered once for all who follow it.

    Args:
        seen: A version of the stream of changes; the parts must be at least as recent.
    """
    services = services_of(request)
    reading = services.readings.reading(name, seen)
    may = may_steer(services.accounts, actor, reading.record)
    return shared_part(request, reading, (actor.role, may), lambda: _content(services, actor, reading))


def _content(services: Services, actor: Actor, reading: Campaign) -> JsonDict:
    """Content of the page."""
    return {
        # Neither what is kept below nor the contexts of templates, which are circles, hold it in memory after the next result.
        "reading": weakref.proxy(reading),
        **_lately(reading, "shown", lambda: _shown(services, reading) | _table(reading, Selection(limit=_FIRST_ROWS))),
        **_run_content(services, actor, reading),
        **_budget_content(reading),
        "offered": steering.offered(services, actor, reading),
        "may_tell": may_steer(services.accounts, actor, reading.record),
        "may_copy": actor.may(Role.OPERATOR),
        "verbs": VERBS,
        "of_owners": {},  # not in the part that all users of a role share; the page itself shows it
        "may_link": False,
        "link": None,
        "here_only": False,
        "project": None,
        "tags": (),
        "movable": False,
        "another_seed": None,
        "other_seeds": "",
        "key": new_key,
    }


@router.get("/{name}/drawings")
def drawings_page(request: Request, _: Viewer, name: str) -> Response:
    """Shows the figures for download."""
    offered, problem = [], ""
    try:
        offered = drawing.offered(services_of(request), name)
    except ConfigurationError as error:  # nothing has a value yet
        problem = error.message
    return render(request, "drawings.html", {"name": name, "drawings": offered, "problem": problem})


@router.get("/{name}/table")
def evaluations_page(request: Request, _: Viewer, name: str, query: Annotated[EvaluationQuery, Query()]) -> Response:
    """Shows a page of the evaluations."""
    reading = services_of(request).readings.reading(name)
    return render(request, "evaluations.html", {"reading": reading, **_table(reading, query.selection())})


forms = Forms(router, Role.OPERATOR, lambda sent, refused: show_campaign(sent.request, sent.actor, sent.at(), refused=refused))


def _command_form(sent: Sent) -> Form:
    kind = sent.text("kind")
    return Form(kind if kind in ("edit", "retry") else "steer", sent.fields)


@forms.post("/{name}/commands", _command_form)
def give_command(sent: Sent) -> str:
    """Stores the command of a form."""
    given = steering.give(sent.services, sent.actor, sent.at(), _order(sent))
    return f"{campaign_address(sent.at())}?{urlencode({'requested': given.command.id})}"


def _of_owners(kind: OwnerKind) -> Callable[[CarryOut], CarryOut]:
    return forms.post(f"/{{name}}/{OWNER_VERBS[kind].path}", kind)


@_of_owners("rename")
def rename_campaign(sent: Sent) -> str:
    """Gives a campaign another name, or asks the service to, and shows it."""
    new = sent.text("name").strip()
    asked = owning.rename(sent.services, sent.actor, sent.at(), new)
    return campaign_address(new if asked is None else sent.at())


@_of_owners("share")
def share_campaign(sent: Sent) -> str:
    """Shares a campaign with the users that are named."""
    owning.share(sent.services, sent.actor, sent.at(), sent.text("users").replace(",", " ").split())
    return campaign_address(sent.at())


@forms.post("/{name}/project", "move")
def move_campaign(sent: Sent) -> str:
    """Puts a campaign into the project of a form, or takes it out of its own."""
    projecting.move(sent.services, sent.actor, sent.at(), sent.text("project") or None)
    return campaign_address(sent.at()) if sent.services.sight(sent.actor).sees(sent.at()) else "/"


def _project_content(services: Services, actor: Actor, reading: Campaign) -> JsonDict:
    """The project of a campaign, and those to which an actor may move it."""
    project = projecting.seen_place(services, actor, reading.record.name)
    movable = projecting.may_move(services, actor, reading.record)
    places = projecting.open_projects(services, actor) if movable else []
    movable = movable and bool(places or project)
    tags = () if project is None else projecting.tags_of(services, project)
    return {"project": project, "tags": tags, "places": places, "movable": movable, "move": PROJECT_VERBS["move"]}


def _seeds_content(services: Services, actor: Actor, reading: Campaign) -> JsonDict:
    """The same campaign with another seed, which an operator may run, and the address that compares those that are stored."""
    record, named = reading.record, reading.spec.space.files()
    # The dashboard has no files of the command line.
    repeats = actor.may(Role.OPERATOR) and not reading.spec.manual and (bool(record.files) or not named)
    seeds = copying.with_other_seeds(record.name, services.sight(actor).names())
    return {
        "another_seed": copying.with_another_seed(record, set(services.store.campaign_names())) if repeats else None,
        "other_seeds": f"/compare?{urlencode([('name', name) for name in seeds])}" if seeds else "",
    }


@forms.post("/{name}/links", "link")
def make_link(sent: Sent) -> Response:
    """Issues a read-only link and shows it this once."""
    days = sent.text("days")
    if not days.isdecimal():
        raise FieldError("days", f"{days[:20]!r}; expected a number of days")
    link, _ = managing.add_link(sent.services, sent.actor, str(sent.request.base_url), sent.at(), float(days))
    # The answer to the form, not a separate page, so that the secret is in no address and no browser history.
    page = show_campaign(sent.request, sent.actor, sent.at(), Done(link=link))
    page.status_code = HTTPStatus.CREATED
    return page


@_of_owners("delete")
def delete_campaign(sent: Sent) -> str:
    """Deletes a campaign whose name was typed, or asks the service to."""
    asked = owning.delete(sent.services, sent.actor, sent.at(), sent.text("confirm"))
    return "/" if asked is None else campaign_address(sent.at())


@forms.post("/{name}/copies", lambda sent: Form("copy", sent.fields, other="changes"))
def copy_campaign(sent: Sent) -> str:
    """Creates a copy of a campaign, and shows it."""
    lines = [line.strip() for line in sent.text("changes")[:_LONGEST_CHANGES].splitlines() if line.strip()]
    wanted = copying.Copy(sent.text("name").strip(), assignments(lines), "run" in sent.fields)
    return campaign_address(copying.copy(sent.services, sent.actor, sent.at(), wanted).record.name)


def _order(sent: Sent) -> steering.Order:
    """The command of a form."""
    reading, key = sent.services.readings.reading(sent.at()), sent.text("key")
    kind = next((known for known in VERBS if known == sent.text("kind")), None)
    if kind is None:
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, f"expected one of {', '.join(VERBS)}", key="kind")
    argument = VERBS[kind].argument
    if argument == "changes":
        return steering.Order(kind, key, changes=_budget_changes(reading, sent.fields), revision=sent.text("revision"))
    if argument == "candidates" or "number" in sent.fields:
        return steering.Order(kind, key, candidates=(_candidate(reading, sent.text("number")),))
    if argument == "nothing" or "all" in sent.fields:
        return steering.Order(kind, key)
    ticked = [failure.candidate for failure in status_of(reading).failures if f"evaluation-{failure.round}" in sent.fields]
    if not ticked:
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, "no failed evaluation is selected", key="evaluation")
    return steering.Order(kind, key, candidates=tuple(dict.fromkeys(ticked)))


def _candidate(reading: Campaign, text: str) -> str:
    """Candidate of the evaluation whose number a form has."""
    found = evaluation_of(reading, int(text)) if text.isdecimal() and len(text) < _LONGEST_NUMBER else None
    if found is None:
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, f"there is no evaluation {text!r}", key="number")
    return found.proposal.candidate


def _shown(services: Services, reading: Campaign) -> JsonDict:
    """Content of the page besides the table."""
    series, status = best_series(reading), status_of(reading)
    read = services.store.events(reading.record.name, limit=_EVENTS_READ)
    events = [event for event in read if event.kind not in STEPS][-_MOST_EVENTS:]
    lines, proposals = system_lines(reading), last_proposals(reading)
    named = {line.candidate for line in lines if line.candidate} | {item.proposal.candidate for item in proposals}
    return {
        "over_parameters": reading.spec.space.description.figures == PARAMETER_FIGURES,
        "status": status,
        "aim": aim_of(reading),
        "conditions": conditions_told(reading, status.headline.shown.candidate) if status.headline.shown else "",
        "failures": _few(failure_groups(status.failures)),
        "most_failures": _MOST_FAILURES,
        "failed": len(status.failures),
        "attempts_failed": sum(failure.attempts for failure in status.failures),
        "retrying": _asked_to_retry(reading, [failure.candidate for failure in status.failures]),
        "series": series,
        "improvements": improvements(series),
        "by_system": lines,
        "candidates_told": {name: conditions_told(reading, name) for name in named},
        "hits": hits_of(reading),
        "stable": stable_of(reading),
        "most_hits": _MOST_HITS,
        "proposals": proposals,
        "engine": engine_in_words(reading.spec),
        "predictions": predictions_of(reading, most=0),
        "expected_within": EXPECTED_WITHIN,
        "awaited": awaited_spec(reading.record),
        "revision": steering.revision(reading.record),
        "commands": _commands(reading),
        "events": event_lines(reading.record, reversed(events)),
    }


def _asked_to_retry(reading: Campaign, failed: Sequence[str]) -> int:
    """Number of failed evaluations that are to be retried by commands that no driver has applied."""
    waiting = [known for known in reading.record.commands if known.kind == "retry" and known.applied_at_number is None]
    named = [known.payload.get("candidates") for known in waiting]
    chosen = {candidate for candidates in named if isinstance(candidates, list) for candidate in candidates}
    every = any(not candidates for candidates in named)
    return sum(every or candidate in chosen for candidate in failed)


def _few(groups: list[FailureGroup]) -> list[FailureGroup]:
    """The first groups, up to a number of failures, because a form has a limited number of fields."""
    few, left = [], _MOST_FAILURES
    for group in groups:
        if left > 0:
            few.append(replace(group, failures=group.failures[:left]))
        left -= len(group.failures)
    return few


def _commands(reading: Campaign) -> list[JsonDict]:
    """Commands, newest first, each with its effect."""
    record, driven = reading.record, reading.lease is not None
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


def _cells(axis: ParameterAxis, rows: Sequence[Mapping[str, Cell]]) -> Sequence[object]:
    """A parameter's column of the table."""
    found = [row.get(axis.name) for row in rows]
    numbers = [cell for cell in found if not isinstance(cell, str)]
    return found if axis.categories is not None or len(numbers) < len(found) else aligned(numbers)


def _table(reading: Campaign, selection: Selection) -> JsonDict:
    page: TablePage = table_page(reading, selection)
    systems, shown = systems_of(reading), shown_at(Place.PAGE, reading.spec)
    left_out = (() if len(systems) > 1 else ("system",)) + (() if any(line["reason"] for line in page.lines) else ("reason",))
    axes, cells = described(reading, page.lines)
    query = {key: value for key, value in asdict(selection).items() if key != "limit"} | {"after": page.next}
    return {
        "page": page,
        "columns": (columns := [column for column in shown if column.name not in left_out]),
        "numbers": {column.name: _numbers(page, column.name) for column in columns if column.kind is float},
        "axes": axes,
        "cells": {axis.name: _cells(axis, cells) for axis in axes},
        "far": set(reading.columns.numbers[reading.outliers].tolist()),
        "selection": selection,
        "next_query": urlencode({key: value for key, value in query.items() if value is not None}),
        "states": [state.value for state in EvaluationState],
        "systems": systems,
        "labels": reading.labels,
        "purposes": PURPOSES,
        "sorts": SORTS,
    }


@dataclass
class _Shared(Generic[Made]):
    """The latest value that users share."""

    value: Made | None = None
    until: float = 0.0
    lock: Lock = field(default_factory=Lock)


def _lately(reading: Campaign, key: Hashable, make: Callable[[], Made]) -> Made:
    """A value derived from a reading and the present time, made once for all who ask for it at the same time."""
    shared: _Shared[Made] = reading.once(("lately", key), _Shared)
    with shared.lock:
        if shared.value is None or time.monotonic() > shared.until:
            shared.value = make()
            shared.until = time.monotonic() + LONGEST
        return shared.value


def shared_part(request: Request, reading: Campaign, group: Hashable, make: Callable[[], JsonDict]) -> Response:
    """The parts of a campaign's page, rendered and compressed once for all who ask for them at the same time.

    Args:
        group: Of users who are shown the same.
    """
    has_forms = getattr(request.state, "form_token", None) is not None
    token = OF_THE_PAGE if has_forms else None
    packed = _lately(reading, ("parts", group, has_forms), lambda: Packed(_rendered(request, make(), token)))
    return packed.response(request, "text/html")


def _rendered(request: Request, content: JsonDict, token: str | None) -> str:
    ours = {"key": lambda: OF_THE_PAGE, "form_token": token, "layout": "parts.html", "said": None, "spec_text": ""}
    return renderer_of(request).text(request, "campaign.html", content | ours)


_NUMBERS = {
    "budget": ("cost", "fraction", "evaluations", "hours", "core_hours"),
    "execution": ("in_flight", "timeout", "retries"),
}
_WHOLE = {"evaluations", "in_flight", "retries"}


@router.get("/{name}/budget")
def budget_part(request: Request, _: Viewer, name: str) -> Response:
    """The part of the campaign's page, which reloads itself while a time limit runs."""
    reading = services_of(request).readings.reading(name)
    return render(request, "budget.html", {"status": status_of(reading), **_budget_content(reading)})


def _budget_content(reading: Campaign) -> JsonDict:
    """Content of the part."""
    budget, driven = reading.spec.budget, reading.lease is not None
    spent = Spent.by(reading, status_of(reading).limit)
    used = budget_used(budget, spent)
    return {
        "budget": used,
        "later": _limits_later(reading, spent),
        "pace": pace_of(reading, used, spent.time.now),
        "clocked": budget.deadline is not None or (driven and budget.hours is not None),
    }


def _limits_later(reading: Campaign, spent: Spent) -> dict[str, str]:
    """Limits after the edits that wait for the campaign to run, by title; only those that they change."""
    later = awaited_spec(reading.record).budget
    if later == reading.spec.budget:
        return {}
    pool = reading.prospects
    limit = None if pool is None else cost_limit(later, pool.pool, reading.spec.space.spent_on_descriptors)
    now = {used.title: used.limit for used in budget_used(reading.spec.budget, spent)}
    then = budget_used(later, replace(spent, cost_limit=limit))
    return {used.title: used.limit or "no limit" for used in then if used.limit != now.get(used.title)}


def _budget_changes(reading: Campaign, fields: Mapping[str, str]) -> JsonDict:
    """Changes of budget and execution by a form; an emptied field of the budget removes its limit."""
    changes: JsonDict = {}
    awaited = awaited_spec(reading.record)
    for part, names in _NUMBERS.items():
        for name in names:
            if name not in fields:
                continue
            value = _number(f"{part}.{name}", fields[name].strip(), whole=name in _WHOLE)
            if value != getattr(getattr(awaited, part), name):
                changes[f"{part}.{name}"] = value
    given, known = fields.get("deadline", "").strip(), awaited.budget.deadline
    if "deadline" in fields and given != (known.isoformat() if known is not None else ""):
        changes["budget.deadline"] = given or None
    return changes


def _number(key: str, text: str, *, whole: bool) -> float | None:
    """The number that a field holds; None where it is empty."""
    try:
        return None if not text else int(text) if whole else float(text)
    except ValueError as error:
        expected = "a whole number" if whole else "a number"
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, f"{text!r} is not {expected}", key=key) from error


@router.get("/{name}/runs")
def run_part(request: Request, actor: Viewer, name: str) -> Response:
    """The part of the campaign's page, which reloads itself while a request is open."""
    services = services_of(request)
    reading = services.readings.reading(name)
    return render(request, "runs.html", {"status": status_of(reading), **_run_content(services, actor, reading)})


@router.post("/{name}/runs")
async def ask_to_run(request: Request, actor: Operator, name: str) -> Response:
    """Stores the request of a form."""
    fields = await form_fields(request)
    await run_in_threadpool(steering.ask_to_run, services_of(request), actor, name, fields.get("key", ""))
    return RedirectResponse(campaign_address(name), HTTPStatus.SEE_OTHER)


def _is_seen(request: ServiceRequest, state: CampaignState, *, starting: bool) -> bool:
    """Whether the state of the campaign says already what became of a request to run it."""
    if request.kind != "run":
        return False
    ended_well = request.state is RequestState.ENDED and (
        request.reason.startswith(_SEEN) or (not request.reason and state is CampaignState.WAITING)
    )
    return ended_well or (request.state is RequestState.ACCEPTED and not starting)


def _run_content(services: Services, actor: Actor, reading: Campaign) -> JsonDict:
    """Content of the part."""
    last = last_request(services.requests, reading.record)
    steers = may_steer(services.accounts, actor, reading.record)
    status, waits, now = status_of(reading), last is not None and is_open(last), services.store.now()
    starting = is_starting(status.state, reading.record.epoch, last)
    return {
        "starting": starting,
        "ending": ending_state(reading.record, driven=status.driver is not None),
        "last_request": last,
        "request_text": None if last is None or _is_seen(last, status.state, starting=starting) else describe_request(last),
        # While a driver runs, the page follows the campaign itself.
        "request_open": waits and status.driver is None,
        "may_run": steers and not waits and may_run(reading.record, status.state, now),
        "service_runs": read_health(services.requests).running,
        "key": new_key,
    }
