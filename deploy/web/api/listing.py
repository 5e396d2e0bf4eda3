"""Pages of lists: at most 500 entries, the next ones by ``after``, the key of the last entry that was shown.

A list that is a plain array names its next page in the header ``Link``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any, Generic, TypeVar

from fastapi import Query
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from tansaku.models.domain.errors import FieldError

LARGEST = 500

Limit = Annotated[int, Query(ge=1, le=LARGEST)]
After = Annotated[str | None, Query(max_length=128, description="Key of the last entry of the page before.")]
ItemT = TypeVar("ItemT")

LINKED: dict[int | str, dict[str, Any]] = {
    200: {"headers": {"Link": {"description": 'The next page, as <...>; rel="next"', "schema": {"type": "string"}}}}
}
"""OpenAPI entry of arrays with a next page."""


class Span(BaseModel):
    """The requested page of a list."""

    limit: Limit = LARGEST
    after: After = None


class Listing(BaseModel, Generic[ItemT]):
    """A page of a list; ``next`` is the ``after`` of the following page."""

    items: list[ItemT]
    next: str | None = None


def page(items: Sequence[ItemT], key: Callable[[ItemT], str], limit: int, after: str | None) -> Listing[ItemT]:
    """A page of a list.

    Args:
        items: All entries, in order.
        key: Of an entry.
        limit: Entries of the page, at most.
        after: Key of the last entry of the page before; None: the first page.

    Raises:
        FieldError: No entry has that key any more.
    """
    begin = 0
    if after is not None:
        begin = next((place for place, item in enumerate(items, 1) if key(item) == after), -1)
        if begin < 0:
            raise changed()
    shown = list(items[begin : begin + limit])
    return Listing(items=shown, next=key(shown[-1]) if begin + limit < len(items) else None)


def changed() -> FieldError:
    """The error for an ``after`` that is not an entry."""
    return FieldError("after", "the list has changed; start again without it")


def linked(request: Request, response: Response, shown: Listing[ItemT]) -> list[ItemT]:
    """The entries of a page as an array, whose next page the header ``Link`` names.

    Args:
        response: Whose header is set.
    """
    if shown.next is not None:
        address = request.url.include_query_params(after=shown.next)
        response.headers["Link"] = f'<{address.path}?{address.query}>; rel="next"'
    return shown.items
