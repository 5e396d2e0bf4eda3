"""Changes of campaigns as a stream: /api/v1/campaigns/NAME/changes, and of several campaigns: /api/v1/changes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import StreamingResponse

from tansaku.deploy.web.auth.roles import ForbiddenError, UnauthenticatedError, require
from tansaku.deploy.web.changes import Changes
from tansaku.deploy.web.services import services_of
from tansaku.models.domain.accounts import Actor, Role

router = APIRouter(prefix="/api/v1", tags=["campaigns"])

MOST_FOLLOWED = 100
"""Campaigns in one stream."""

_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}

_may_read = require(Role.VIEWER)


@router.get("/campaigns/{name}/changes", response_class=StreamingResponse)
async def changes(
    request: Request,
    _: Annotated[Actor, Depends(_may_read)],
    name: str,
    last_event_id: Annotated[str | None, Header()] = None,
) -> StreamingResponse:
    """Server-sent events ``version``, one for each change; the rest of the API tells what has changed."""
    # An unknown campaign is answered by an error, not by a stream that ends at once.
    await run_in_threadpool(services_of(request).readings.version, name)
    return _stream(_feed(request).follow(name, last_event_id, _allowed(request)))


@router.get("/changes", response_class=StreamingResponse)
async def changes_of_several(
    request: Request,
    _: Annotated[Actor, Depends(_may_read)],
    campaign: Annotated[list[str], Query(min_length=1, max_length=MOST_FOLLOWED)],
) -> StreamingResponse:
    """Server-sent events ``version`` and ``gone`` of several campaigns; their data name the campaign."""
    return _stream(_feed(request).follow_several(campaign, _allowed(request)))


def _feed(request: Request) -> Changes:
    feed = request.app.state.changes
    assert isinstance(feed, Changes)
    return feed


def _stream(events: AsyncIterator[str]) -> StreamingResponse:
    return StreamingResponse(events, media_type="text/event-stream", headers=_HEADERS)


def _allowed(request: Request) -> Callable[[], Awaitable[bool]]:
    """Returns whether the session or token of a request still allows it to read."""

    async def allowed() -> bool:
        try:
            await _may_read(request)
        except (UnauthenticatedError, ForbiddenError):
            return False
        return True

    return allowed
