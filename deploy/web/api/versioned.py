"""Answers that stay the same while a version does: their ETag is the version, and who has it gets 304."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response


def versioned(request: Request, version: str, text: Callable[[], str], headers: dict[str, str] | None = None) -> Response:
    """The JSON text of a version, or 304 where the client has it.

    Args:
        request: Its If-None-Match is what the client has.
        version: Of the answer.
        text: Makes the answer; called only where it is sent.
        headers: Further ones of both answers.
    """
    sent = {"ETag": f'"{version}"', **(headers or {})}
    if request.headers.get("If-None-Match") == sent["ETag"]:
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=sent)
    return Response(text(), media_type="application/json", headers=sent)
