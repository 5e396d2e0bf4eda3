"""Constructors of the parts of a campaign, one for each spec class that a campaign file can name, a plug-in's included.

They are made from the classes, so that names, defaults, descriptions and messages are those of the file. ``constructors.pyi``
tells type checkers and editors the same of tansaku's own; installing tansaku writes it (`stubs.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tansaku.deploy.python.building import constructor, made_by, maximize, minimize

__all__ = ["maximize", "minimize"]


def __getattr__(name: str) -> Callable[..., Any]:
    if name.startswith("_") or name not in made_by():
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return constructor(name)


def __dir__() -> list[str]:
    return sorted((*made_by(), *__all__))
