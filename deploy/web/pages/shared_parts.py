"""Parts of pages that many viewers ask for at the same time: rendered once, completed for each of them."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from tansaku.deploy.web.forms import new_key
from tansaku.deploy.web.pages.rendering import renderer_of
from tansaku.models.domain.accounts import Role
from tansaku.models.domain.records import JsonDict
from tansaku.tasks.views.readings import Reading

LONGEST = 1.0
"""Time for which a part is shared [s]: it also tells of requests to the service, which no version of a campaign has."""

# Random, so that no stored text contains them.
_TOKEN = secrets.token_hex(16)
_KEY = secrets.token_hex(16)


@dataclass
class _Shared:
    """The last text of a kind of viewers."""

    text: str = ""
    until: float = 0.0


def shared_part(request: Request, reading: Reading, role: Role, make: Callable[[], JsonDict]) -> Response:
    """The parts of a campaign's page.

    Args:
        request: To answer.
        reading: The campaign.
        role: Of who asks: what is shown depends on it.
        make: What the template shows.
    """
    token = getattr(request.state, "form_token", None)
    shared = reading.once(("parts", role, token is None), _Shared)
    if time.monotonic() > shared.until:
        placeholders = {"key": lambda: _KEY, "form_token": None if token is None else _TOKEN}
        content = make() | placeholders | {"layout": "parts.html", "said": None, "spec_text": ""}
        shared.text = renderer_of(request).text(request, "campaign.html", content)
        shared.until = time.monotonic() + LONGEST
    first, *rest = shared.text.split(_KEY)
    text = first + "".join(new_key() + part for part in rest)
    return HTMLResponse(text if token is None else text.replace(_TOKEN, token))
