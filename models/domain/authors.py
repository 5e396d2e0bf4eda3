"""The author of a command, as stored with it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Actor:
    """The author of a command.

    Attributes:
        name: The user's name, stored with the command.
        origin: Where the command comes from, such as ``command line``.
    """

    name: str
    origin: str

    def __str__(self) -> str:
        return f"{self.name} ({self.origin})"
