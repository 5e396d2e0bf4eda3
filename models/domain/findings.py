"""Result of one check of `tansaku doctor`."""

from __future__ import annotations

from typing import Literal

from tansaku.models.domain.records import Record

State = Literal["ok", "optional", "warning", "missing"]


class Finding(Record):
    """Result of one check.

    Attributes:
        state: ``ok``; ``optional``: not there, and only what the name says needs it; ``warning``: works, with a limit;
            ``missing``: campaigns cannot run before it is fixed.
        detail: What was found.
        hint: What to do.
    """

    name: str
    state: State
    detail: str
    hint: str | None = None
