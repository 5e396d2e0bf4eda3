"""Parts of pages that many viewers request at the same time: rendered and compressed once for all of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from threading import Lock

from starlette.requests import Request
from starlette.responses import Response

from tansaku.deploy.web.packing import Packed
from tansaku.deploy.web.pages.rendering import renderer_of
from tansaku.models.domain.records import JsonDict
from tansaku.tasks.read.views.readings import Reading

LONGEST = 1.0
"""Time for which a part is shared [s]: it also tells of requests to the service, which no version of a campaign has."""

OF_THE_PAGE = "of-the-page"
"""In place of a form's token and keys, which the page that asked fills in: they are different for each of them."""


@dataclass
class _Shared:
    """The latest text for a group of users."""

    packed: Packed | None = None
    until: float = 0.0
    lock: Lock = field(default_factory=Lock)


def shared_part(request: Request, reading: Reading, group: Hashable, make: Callable[[], JsonDict]) -> Response:
    """The parts of a campaign's page.

    Args:
        request: To answer.
        reading: The campaign.
        group: Of users who are shown the same.
        make: What the template shows.
    """
    has_forms = getattr(request.state, "form_token", None) is not None
    shared = reading.once(("parts", group, has_forms), _Shared)
    with shared.lock:
        if shared.packed is None or time.monotonic() > shared.until:
            shared.packed = Packed(_rendered(request, make(), OF_THE_PAGE if has_forms else None))
            shared.until = time.monotonic() + LONGEST
        return shared.packed.response(request, "text/html")


def _rendered(request: Request, content: JsonDict, token: str | None) -> str:
    ours = {"key": lambda: OF_THE_PAGE, "form_token": token, "layout": "parts.html", "said": None, "spec_text": ""}
    return renderer_of(request).text(request, "campaign.html", content | ours)
