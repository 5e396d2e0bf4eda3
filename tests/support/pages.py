"""Code blocks of the documentation."""

from __future__ import annotations

import re
from pathlib import Path

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks_of(page: Path) -> list[tuple[str, str]]:
    """Language and text of each code block of a page."""
    return _FENCE.findall(page.read_text("utf-8"))
