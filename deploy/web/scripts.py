"""Scripts of a page as one file, so that a browser asks once for all of them."""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache
from http import HTTPStatus
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from tansaku.deploy.web.packing import Packed

FOLDER = "/static/together"
STATIC = Path(__file__).parent / "static"

_NAMES = re.compile(r"/(?P<names>[a-z-]{1,40}(\+[a-z-]{1,40}){0,19})\.js")
_KEPT = 64
_BETWEEN = "\n"
_IDLE = re.compile(r"^[ \t]*(//.*\n)?", re.MULTILINE)


def address_of(*names: str) -> str:
    """Address of scripts as one file, which changes with their content.

    Args:
        names: Files below the folder of static files, in the order in which they run.
    """
    stems = "+".join(name.removesuffix(".js") for name in names)
    digest = hashlib.sha256(_text_of(stems).encode()).hexdigest()
    return f"{FOLDER}/{stems}.js?v={digest[:12]}"


async def together(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers a request for scripts below :data:`FOLDER`."""
    request = Request(scope, receive)
    match = _NAMES.fullmatch(request.url.path.removeprefix(FOLDER))
    if match is None or request.method not in ("GET", "HEAD"):
        raise HTTPException(HTTPStatus.NOT_FOUND)
    try:
        answer = _packed(match["names"]).response(request, "text/javascript")
    except FileNotFoundError as error:
        raise HTTPException(HTTPStatus.NOT_FOUND) from error
    await answer(scope, receive, send)


@lru_cache(maxsize=_KEPT)
def _packed(stems: str) -> Packed:
    return Packed(_text_of(stems))


@lru_cache(maxsize=_KEPT)
def _text_of(stems: str) -> str:
    return _BETWEEN.join(shorter((STATIC / f"{stem}.js").read_text(encoding="utf-8")) for stem in stems.split("+"))


def shorter(text: str) -> str:
    """A script without indentation and without lines that are comments; no text in them spans lines."""
    return _IDLE.sub("", text)
