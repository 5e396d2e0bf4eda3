"""Changes of a campaign as a stream: /api/v1/campaigns/NAME/changes."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Header
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import StreamingResponse

from tansaku.deploy.web.auth.roles import ForbiddenError, UnauthenticatedError, require
from tansaku.deploy.web.changes import Changes
from tansaku.deploy.web.services import services_of
from tansaku.models.domain.accounts import Actor, Role

router = APIRouter(prefix="/api/v1/campaigns", tags=["campaigns"])

_may_read = require(Role.VIEWER)


@router.get("/{name}/changes", response_class=StreamingResponse)
async def changes(
    request: Request,
    _: Annotated[Actor, Depends(_may_read)],
    name: str,
    last_event_id: Annotated[str | None, Header()] = None,
) -> StreamingResponse:
    """Server-sent events ``version``, one for each change; the rest of the API tells what has changed."""
    # An unknown campaign is an answer of its own, not a stream that ends at once.
    await run_in_threadpool(services_of(request).readings.version, name)
    feed = request.app.state.changes
    assert isinstance(feed, Changes)

    async def allowed() -> bool:
        try:
            await _may_read(request)
        except (UnauthenticatedError, ForbiddenError):
            return False
        return True

    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(feed.follow(name, last_event_id, allowed), media_type="text/event-stream", headers=headers)
