"""The page of all campaigns."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import Response

from tansaku.deploy.web.api.changes import MOST_FOLLOWED
from tansaku.deploy.web.auth.roles import Viewer
from tansaku.deploy.web.forms import new_key
from tansaku.deploy.web.pages.formats import campaign_address
from tansaku.deploy.web.pages.rendering import render
from tansaku.deploy.web.services import Services, services_of
from tansaku.models.domain.accounts import Actor, Role
from tansaku.models.domain.identifiers import is_name
from tansaku.models.domain.requests import ServiceRequest
from tansaku.models.domain.states import WITHOUT_DRIVER, CampaignState, StopReason
from tansaku.tasks.act.checks.rights import may_steer
from tansaku.tasks.read.views.overview import UnreadableCampaign
from tansaku.tasks.read.views.readings import CampaignLine
from tansaku.tasks.read.views.service_health import is_starting, open_requests, read_health

router = APIRouter()


_UNREADABLE = "unreadable"


@dataclass(frozen=True)
class Selection:
    """Filter of the listed campaigns.

    Attributes:
        state: Of this state; empty: of all.
        name: Whose names contain this; empty: all.
    """

    state: Annotated[str, Query(max_length=32)] = ""
    name: Annotated[str, Query(max_length=64)] = ""

    @property
    def path(self) -> str:
        """Path of the page with these campaigns."""
        given = {key: value for key, value in asdict(self).items() if value}
        return f"/?{urlencode(given)}" if given else "/"

    def has(self, line: CampaignLine | UnreadableCampaign) -> bool:
        """Returns whether a campaign is listed."""
        state = _UNREADABLE if isinstance(line, UnreadableCampaign) else line.state.value
        return self.state in ("", state) and self.name.strip().lower() in line.name.lower()


@router.get("/")
def home(
    request: Request,
    actor: Viewer,
    selection: Annotated[Selection, Depends(Selection)],
) -> Response:
    """Lists the campaigns, with the health of the service that runs them."""
    services = services_of(request)
    sight = services.sight(actor)
    every = [line for line in services.readings.lines() if sight.sees(line.name)]
    lines = [line for line in every if selection.has(line)]
    # A name that none of our campaigns can have may hold a path: it is shown, but not linked.
    linked = {line.name for line in lines if is_name(line.name)}
    requested = open_requests(services.requests)
    content = {
        "lines": lines,
        "stored": len(every),
        "selection": selection,
        "states": [*(state.value for state in CampaignState), _UNREADABLE],
        "may_create": actor.may(Role.OPERATOR),
        "linked": linked,
        "health": read_health(services.requests),
        "requested": requested,
        "starting": {line.name for line in lines if _is_starting(line, requested)},
        "moving": json.dumps(_moving(lines, linked, requested)),
        "runnable": {line.name for line in lines if _may_run(services, actor, line)} & linked - set(requested),
        "may_run": actor.may(Role.OPERATOR),
        "reasons": {reason.value: reason.words for reason in StopReason},
        "key": new_key,
    }
    return render(request, "home.html", content)


def _may_run(services: Services, actor: Actor, line: CampaignLine | UnreadableCampaign) -> bool:
    if not isinstance(line, CampaignLine) or line.state not in WITHOUT_DRIVER:
        return False
    return may_steer(services.accounts, actor, line)


def _is_starting(line: CampaignLine | UnreadableCampaign, requested: Mapping[str, ServiceRequest]) -> bool:
    return isinstance(line, CampaignLine) and is_starting(line.state, line.drivers, requested.get(line.name))


def _moving(lines: Iterable[CampaignLine | UnreadableCampaign], linked: set[str], requested: Collection[str]) -> list[str]:
    """Streams of the campaigns that may change: those with a driver, and those that wait for one."""
    names = [line.name for line in lines if line.name in requested or getattr(line, "driver", None) is not None]
    return [f"/api/v1{campaign_address(name)}/changes" for name in names if name in linked][:MOST_FOLLOWED]
