"""Changes of campaigns as a stream: /api/v1/campaigns/NAME/changes, and of several campaigns: /api/v1/changes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from tansaku.deploy.web.auth.roles import ForbiddenError, UnauthenticatedError, require
from tansaku.deploy.web.changes import MOST_STREAMS, Changes, TooManyError
from tansaku.deploy.web.errors import ProblemError
from tansaku.deploy.web.services import services_of
from tansaku.models.domain.accounts import Actor, Role
from tansaku.models.domain.errors import NotFoundError

router = APIRouter(prefix="/api/v1", tags=["campaigns"])

MOST_FOLLOWED = 100
"""Campaigns in one stream."""

_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}

_CLOSED = 5.0  # until a page that was left has closed its stream [s]

_may_read = require(Role.VIEWER)


@router.get("/campaigns/{name}/changes", response_class=StreamingResponse)
async def changes(
    request: Request,
    actor: Annotated[Actor, Depends(_may_read)],
    name: str,
    last_event_id: Annotated[str | None, Header()] = None,
) -> StreamingResponse:
    """Server-sent events ``version``, one for each change; the rest of the API tells what has changed."""
    # An unknown campaign is answered by an error, not by a stream that ends at once.
    await run_in_threadpool(services_of(request).readings.version, name)
    return _Stream(_feed(request), actor, _feed(request).follow(name, last_event_id, _allowed(request)))


@router.get("/changes", response_class=StreamingResponse)
async def changes_of_several(
    request: Request,
    actor: Annotated[Actor, Depends(_may_read)],
    campaign: Annotated[list[str], Query(min_length=1, max_length=MOST_FOLLOWED)],
) -> StreamingResponse:
    """Server-sent events ``version`` and ``gone`` of several campaigns; their data name the campaign."""
    sight = services_of(request).sight(actor)
    hidden = await run_in_threadpool(lambda: {name for name in campaign if not sight.sees(name)})
    seen = [name for name in campaign if name not in hidden]
    events = _feed(request).follow_several(campaign, _allowed_all(request, seen), hidden)
    return _Stream(_feed(request), actor, events)


def _feed(request: Request) -> Changes:
    feed = request.app.state.changes
    assert isinstance(feed, Changes)
    return feed


class _Stream(StreamingResponse):
    """Sends events to a user, who has a limited number of streams.

    Args:
        feed: Counts them.
        actor: The user.
        events: What is sent.
    """

    def __init__(self, feed: Changes, actor: Actor, events: AsyncIterator[str]) -> None:
        super().__init__(events, media_type="text/event-stream", headers=_HEADERS)
        self._feed, self._user = feed, actor.name

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Sends them until the user has gone. Raises ProblemError if there are too many.

        A body that the request announces is read first: once the answer has begun, it could not say that none arrived.
        """
        await Request(scope, receive).body()
        try:
            with self._feed.stream_of(self._user):
                await super().__call__(scope, receive, send)
        except TooManyError as error:
            detail = f"you follow {MOST_STREAMS} streams already; close some pages"
            raise ProblemError(HTTPStatus.TOO_MANY_REQUESTS, detail, retry_after=_CLOSED) from error


def _allowed(request: Request) -> Callable[[], Awaitable[bool]]:
    """Returns whether the session or token of a request still allows it to read."""

    async def allowed() -> bool:
        try:
            await _may_read(request)
        except (UnauthenticatedError, ForbiddenError, NotFoundError):
            return False
        return True

    return allowed


def _allowed_all(request: Request, names: Sequence[str]) -> Callable[[], Awaitable[bool]]:
    """The same for several campaigns, all of which the actor must still see."""
    still = _allowed(request)

    async def allowed() -> bool:
        if not await still():
            return False
        sight = services_of(request).sight(request.state.actor)
        return await run_in_threadpool(lambda: all(map(sight.sees, names)))

    return allowed
