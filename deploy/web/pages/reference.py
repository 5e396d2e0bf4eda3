"""The page that explains the keys of a campaign's spec; the same tables as in the documentation."""

from __future__ import annotations

import re
from functools import cache

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from tansaku.deploy.web.auth.roles import Viewer
from tansaku.deploy.web.pages.formats import Html, message
from tansaku.deploy.web.pages.rendering import render
from tansaku.models.domain.specs.campaign import EDITABLE_KEYS
from tansaku.tasks.ground.formats.schema import KeyTable, key_tables

router = APIRouter()

_LINK = re.compile(r"\[([^][]+)\]\((#[a-z0-9]+)\)")


@router.get("/reference")
def reference_page(request: Request, _: Viewer) -> Response:
    """Explains the keys of a spec."""
    editable = [".".join(key) for key in EDITABLE_KEYS]
    return render(request, "reference.html", {"tables": _tables(), "editable": editable, "linked": linked})


def linked(text: str) -> Html:
    """A text of the reference with its links to other tables of the page."""
    return Html(_LINK.sub(r'<a href="\2">\1</a>', message(text.replace("``", "`"))))


@cache
def _tables() -> list[KeyTable]:
    return key_tables("campaign")
