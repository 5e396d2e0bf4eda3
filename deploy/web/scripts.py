"""Scripts of a page as one file, so that a browser asks once for all of them, and style sheets, without comments."""

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

_NAME = r"(vendor/)?[a-z0-9-]{1,40}(\.[a-z0-9]{1,40}){0,3}"
_NAMES = re.compile(rf"/(?P<names>{_NAME}(\+{_NAME}){{0,19}})\.(?P<kind>js|css)")
_TYPES = {"js": "text/javascript", "css": "text/css"}
_STYLE_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_KEPT = 64
_BETWEEN = "\n"
_IDLE = re.compile(r"^[ \t]*(//.*\n)?", re.MULTILINE)


def address_of(*names: str) -> str:
    """Address of scripts, or of style sheets, as one file, which changes with their content.

    Args:
        names: Files of one kind below the folder of static files, in the order in which they run.
    """
    kind = names[0].rpartition(".")[2]
    stems = "+".join(name.removesuffix(f".{kind}") for name in names)
    digest = hashlib.sha256(_text_of(stems, kind).encode()).hexdigest()
    return f"{FOLDER}/{stems}.{kind}?v={digest[:12]}"


async def together(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers a request for scripts below :data:`FOLDER`."""
    request = Request(scope, receive)
    match = _NAMES.fullmatch(request.url.path.removeprefix(FOLDER))
    if match is None or request.method not in ("GET", "HEAD"):
        raise HTTPException(HTTPStatus.NOT_FOUND)
    try:
        answer = _packed(match["names"], match["kind"]).response(request, _TYPES[match["kind"]])
    except FileNotFoundError as error:
        raise HTTPException(HTTPStatus.NOT_FOUND) from error
    await answer(scope, receive, send)


@lru_cache(maxsize=_KEPT)
def _packed(stems: str, kind: str) -> Packed:
    return Packed(_text_of(stems, kind))


@lru_cache(maxsize=_KEPT)
def _text_of(stems: str, kind: str) -> str:
    texts = ((STATIC / f"{stem}.{kind}").read_text(encoding="utf-8") for stem in stems.split("+"))
    return _BETWEEN.join(shorter(_STYLE_COMMENT.sub("", text) if kind == "css" else text) for text in texts)


def shorter(text: str) -> str:
    """A text without indentation and without lines that are comments of a script; no text in them spans lines."""
    return _IDLE.sub("", text)
