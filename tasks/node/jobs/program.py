"""Command lines of our own programs."""

from __future__ import annotations

import sys


def program(module: str, *arguments: str) -> list[str]:
    """Command line of one of our modules; what lies in the user's folder does not shadow a module."""
    return [sys.executable, "-P", "-m", module, *arguments]
