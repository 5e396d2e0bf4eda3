"""Responses that many clients receive, compressed once for all of them."""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from functools import cached_property

from starlette.requests import Request
from starlette.responses import Response

SMALLEST = 1000
"""Bytes of an answer that is worth compressing."""

LEVEL = 6
"""Level of the compression."""


class Packed:
    """A text as it is sent, compressed once.

    Args:
        text: Must not hold both a secret and text that a client chose: the length of the compressed answer would reveal the
            secret (the BREACH attack).
    """

    def __init__(self, text: str) -> None:
        self._plain = text.encode()

    @cached_property
    def _compressed(self) -> bytes:
        return gzip.compress(self._plain, LEVEL, mtime=0)

    def response(self, request: Request, media_type: str, headers: Mapping[str, str] | None = None) -> Response:
        """The text as an answer, compressed if the client takes that.

        Args:
            headers: Further ones.
        """
        # Set here, so that nothing around compresses again.
        if len(self._plain) < SMALLEST or "gzip" not in request.headers.get("Accept-Encoding", ""):
            return Response(self._plain, media_type=media_type, headers=dict(headers or {}))
        packed = {**(headers or {}), "Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
        return Response(self._compressed, media_type=media_type, headers=packed)
