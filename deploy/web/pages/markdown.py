"""Markdown of users as HTML: its own HTML is text, links to scripts are none, and nothing is loaded from elsewhere."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from tansaku.deploy.web.pages.formats import Html

if TYPE_CHECKING:
    from markdown_it import MarkdownIt

_BELOW = 2
"""Levels that headings are moved down: the page has its own above them."""

_LOWEST = 6


def markdown(text: str) -> Html:
    """The HTML of a text in Markdown (CommonMark with tables), safe in a page whoever wrote it."""
    renderer = _renderer()
    tokens = renderer.parse(text)
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(int(token.tag[1:]) + _BELOW, _LOWEST)}"
        for part in token.children or ():
            if part.type == "link_open":
                part.attrSet("rel", "noopener noreferrer nofollow")
    return Html(renderer.renderer.render(tokens, renderer.options, {}))


@cache
def _renderer() -> MarkdownIt:
    from markdown_it import MarkdownIt  # only pages with notes need it

    # Without images: those of other servers would tell who reads the notes, and there are none here.
    return MarkdownIt("commonmark", {"html": False, "linkify": False}).enable("table").disable("image")
