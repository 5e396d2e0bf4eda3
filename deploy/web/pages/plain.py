"""Plain pages: jobs, a campaign's figures, structures, workers and logs, the library's files, the keys of a spec."""

from __future__ import annotations

import re
from functools import cache
from http import HTTPStatus
from typing import Literal

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from tansaku.deploy.web.api.campaigns import evaluation_at
from tansaku.deploy.web.api.results import outputs_of
from tansaku.deploy.web.auth.roles import Admin, Operator, Viewer
from tansaku.deploy.web.pages.formats import Html, message
from tansaku.deploy.web.pages.rendering import render
from tansaku.deploy.web.services import services_of
from tansaku.models.domain.accounts import Role
from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.identifiers import is_name
from tansaku.models.domain.library import ENDINGS
from tansaku.models.domain.requests import RequestState
from tansaku.models.domain.specs.campaign import EDITABLE_KEYS
from tansaku.models.domain.specs.objective import BY_SYSTEM
from tansaku.models.domain.states import CampaignState
from tansaku.tasks.ground.formats.schema import KeyTable, key_tables
from tansaku.tasks.read.figures.hull import outline
from tansaku.tasks.read.views.campaign_figures import figures_of
from tansaku.tasks.read.views.conditions import conditions_told
from tansaku.tasks.read.views.hull import campaign_hull
from tansaku.tasks.read.views.overview import UnreadableCampaign
from tansaku.tasks.read.views.queue import CampaignQueue, read_queue
from tansaku.tasks.read.views.service_health import read_health
from tansaku.tasks.read.views.structures import best_of_each, gallery_of, has_steps
from tansaku.tasks.read.views.timeline import MOST_EVALUATIONS, timeline_of

router = APIRouter()

_MOST_REFUSED = 20
"""Refused requests that are shown, the newest ones."""

_SIDE_BY_SIDE = 6
"""Structures in three dimensions on one page: browsers draw at most sixteen at once."""
_CELL_TEXTS = ("", "not evaluated", "", "failed", "in progress")
_SHOWN_FILES = 500
_LINK = re.compile(r"\[([^][]+)\]\((#[a-z0-9]+)\)")


@router.get("/queue")
def queue_page(request: Request, actor: Viewer) -> Response:
    """Lists services with their sites, the evaluations in progress of all campaigns, and what was refused."""
    services = services_of(request)
    sight, health = services.sight(actor), read_health(services.requests)
    queues = [queue for queue in read_queue(services.store) if sight.sees(queue.name)]
    last = services.requests.last_requests_in(RequestState.REFUSED, _MOST_REFUSED)
    refused = [asked for asked in last if sight.sees_request(asked)]
    names = {queue.name for queue in queues} | {asked.campaign for asked in refused}
    content = {
        "health": health,
        "refused": refused,
        "refused_jobs": [reason for service in health.services for reason in service.refused],
        "queues": [queue for queue in queues if isinstance(queue, CampaignQueue)],
        "unreadable": [queue for queue in queues if isinstance(queue, UnreadableCampaign)],
        "linked": {name for name in names if is_name(name)},
    }
    return render(request, "queue.html", content)


@router.get("/campaigns/{name}/figures")
def figures_page(request: Request, _: Viewer, name: str) -> Response:
    """Shows the numbers of a campaign's figures as tables."""
    reading = services_of(request).readings.reading(name)
    content = {"name": name, "figures": figures_of(reading), "cell_texts": _CELL_TEXTS}
    return render(request, "figure_tables.html", content)


@router.get("/campaigns/{name}/hull")
def hull_page(request: Request, _: Viewer, name: str) -> Response:
    """Shows the phase diagram of a campaign's results and given phases."""
    reading, found, problem = services_of(request).readings.reading(name), None, ""
    try:
        found = campaign_hull(reading)
    except ConfigurationError as error:
        problem = error.message
    drawn = None if found is None or not found.drawable else outline(found)
    return render(request, "hull.html", {"name": name, "found": found, "problem": problem, "drawn": drawn})


@router.get("/campaigns/{name}/structures")
def structures_page(
    request: Request, _: Viewer, name: str, after: int | None = None, of: Literal["systems", "all"] = "systems"
) -> Response:
    """Shows the structures of the best values side by side: of each system where each has its own, or of all."""
    reading = services_of(request).readings.reading(name)
    several = reading.spec.objective.goal.type in BY_SYSTEM and len(reading.columns.system_names) > 1
    shown, following = (best_of_each if several and of == "systems" else gallery_of)(reading, _SIDE_BY_SIDE, after)
    content = {
        "reading": reading,
        "shown": shown,
        "next": following,
        "after": after,
        "has_steps": has_steps,
        "several": several,
        "of": of,
        "conditions": {item.proposal.candidate: conditions_told(reading, item.proposal.candidate) for item in shown},
    }
    return render(request, "structures.html", content)


@router.get("/campaigns/{name}/workers")
def workers_page(request: Request, _: Viewer, name: str) -> Response:
    """Shows what ran where, of the last evaluations of a campaign."""
    services = services_of(request)
    reading = services.readings.reading(name)
    found = timeline_of(reading, services.store.now())
    content = {"name": name, "found": found, "left_out": max(0, len(reading.columns) - MOST_EVALUATIONS)}
    return render(request, "workers.html", content)


@router.get("/campaigns/{name}/evaluations/{number}/log")
def log_page(request: Request, _: Operator, name: str, number: int) -> Response:
    """Shows the output of an evaluation's attempts."""
    services = services_of(request)
    _reading, evaluation = evaluation_at(services, name, number)
    content = {"name": name, "evaluation": evaluation, "outputs": outputs_of(services, evaluation)}
    answer = render(request, "log.html", content)
    answer.headers["Cache-Control"] = "no-store"
    return answer


@router.get("/files")
def files_page(request: Request, actor: Viewer) -> Response:
    """Lists the files of the library."""
    services = services_of(request)
    files = services.library.files()
    content = {
        "files": files[:_SHOWN_FILES],
        "left_out": max(0, len(files) - _SHOWN_FILES),
        "largest": services.uploads.limits.file,
        "accept": ",".join(ending for endings in ENDINGS.values() for ending in endings),
        "may_upload": actor.may(Role.OPERATOR),
        "may_remove": actor.may(Role.ADMIN),
    }
    return render(request, "files.html", content)


@router.post("/files/{sha256}/deletion")
def remove_file(request: Request, actor: Admin, sha256: str) -> Response:
    """Removes a file that no campaign uses."""
    services_of(request).uploads.remove(actor, sha256)
    return RedirectResponse("/files", HTTPStatus.SEE_OTHER)


@router.get("/reference")
def reference_page(request: Request, _: Viewer) -> Response:
    """Explains the keys of a spec, in the same tables as the documentation."""
    editable = [".".join(key) for key in EDITABLE_KEYS]
    return render(request, "reference.html", {"tables": _tables(), "editable": editable, "linked": linked})


@router.get("/design")
def design_page(request: Request, _: Viewer) -> Response:
    """Shows each part of which pages are made."""
    return render(request, "design.html", {"states": [state.value for state in CampaignState]})


def linked(text: str) -> Html:
    """A text of the reference with its links to other tables of the page."""
    return Html(_LINK.sub(r'<a href="\2">\1</a>', message(text.replace("``", "`"))))


@cache
def _tables() -> list[KeyTable]:
    return key_tables("campaign")
