"""Responses that change only with a version: the version is their ETag, and a client that has it gets 304."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated

from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response

from tansaku.deploy.web.packing import Packed
from tansaku.tasks.read.views.campaign import Campaign

SeenVersion = Annotated[
    str | None, Query(max_length=64, description="A version of the stream of changes: what is as recent will do.")
]

PRIVATE = {"Cache-Control": "private, no-cache"}
"""Headers of answers that a browser may keep for its user, and asks about each time."""


def versioned(request: Request, version: str, text: Callable[[], str], headers: dict[str, str] | None = None) -> Response:
    """The JSON text of a version, or 304 if the client has it.

    Args:
        request: Its If-None-Match is what the client has.
        version: Of the answer.
        text: Makes the answer; called only where it is sent.
        headers: Further ones of both answers.
    """
    return _answer(request, version, lambda: Packed(text()), headers or {})


def shared(
    request: Request, reading: Campaign, key: object, text: Callable[[], str], headers: dict[str, str] | None = None
) -> Response:
    """Answers as :func:`versioned` with what is the same for all clients: made and compressed once per version of a campaign.

    Args:
        request: Its If-None-Match is what the client has.
        key: What is answered.
        text: Makes the answer; called at most once for each version.
        headers: Further ones of both answers.
    """
    return _answer(request, reading.version, lambda: reading.once((Packed, key), lambda: Packed(text())), headers or {})


def _answer(request: Request, version: str, packed: Callable[[], Packed], headers: dict[str, str]) -> Response:
    sent = {"ETag": f'"{version}"', **headers}
    if request.headers.get("If-None-Match") == sent["ETag"]:
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=sent)
    return packed().response(request, "application/json", sent)
