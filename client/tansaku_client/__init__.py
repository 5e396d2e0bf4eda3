"""Campaigns of a tansaku dashboard, steered from any machine; it needs neither tansaku nor its database.

``connect`` gives a server whose campaigns have the names of ``tansaku.Campaign``; ``connect_async`` the same for coroutines.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tansaku_client.candidates import Candidate as Candidate
    from tansaku_client.candidates import Found as Found
    from tansaku_client.candidates import Proposed as Proposed
    from tansaku_client.connecting import connect as connect
    from tansaku_client.connecting import connect_async as connect_async
    from tansaku_client.coroutines import AsyncCampaign as AsyncCampaign
    from tansaku_client.coroutines import AsyncServer as AsyncServer
    from tansaku_client.diagrams import Hull as Hull
    from tansaku_client.errors import ConfigurationError as ConfigurationError
    from tansaku_client.errors import NotAllowedError as NotAllowedError
    from tansaku_client.errors import NotFoundError as NotFoundError
    from tansaku_client.errors import ServerError as ServerError
    from tansaku_client.errors import SpecChangedError as SpecChangedError
    from tansaku_client.errors import StateError as StateError
    from tansaku_client.errors import TransientError as TransientError
    from tansaku_client.server import Campaign as Campaign
    from tansaku_client.server import Server as Server

_PARTS = {
    "candidates": ("Candidate", "Found", "Proposed"),
    "connecting": ("connect", "connect_async"),
    "coroutines": ("AsyncCampaign", "AsyncServer"),
    "diagrams": ("Hull",),
    "errors": (
        *("ConfigurationError", "NotAllowedError", "NotFoundError", "ServerError", "SpecChangedError", "StateError"),
        "TransientError",
    ),
    "server": ("Campaign", "Server"),
}
_MODULES = {name: part for part, names in _PARTS.items() for name in names}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - classes and functions
    """Imports a public name when it is first used: whoever needs candidates alone does without httpx and pydantic."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULES})
