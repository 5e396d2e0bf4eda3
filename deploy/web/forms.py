"""Fields of HTML forms."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from urllib.parse import parse_qsl

from starlette.requests import Request

FORM_TYPE = "application/x-www-form-urlencoded"
_MOST_FIELDS = 1000


def is_form(content_type: str) -> bool:
    """Returns whether a body of this type is read as an HTML form."""
    return content_type.partition(";")[0].strip().lower() == FORM_TYPE


async def form_fields(request: Request) -> Mapping[str, str]:
    """Fields of an HTML form, the last of each name; none if the body is no such form or has too many."""
    if not is_form(request.headers.get("Content-Type", "")):
        return {}
    body = await request.body()
    try:
        return dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS))
    except ValueError:
        return {}


def new_key() -> str:
    """An idempotency key for a form, so that sending it twice gives a single command."""
    return f"web-{secrets.token_hex(16)}"
