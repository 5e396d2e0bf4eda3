"""Errors of a server, with its messages. Each is also the built-in error that tansaku's own error of the kind is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

UNREACHABLE = 0
"""Status of a request that no server answered."""


class ServerError(Exception):
    """Root of all errors of this package.

    Args:
        message: What is wrong.
        status: Of HTTP; 0: the server did not answer, or was not asked.
        key: Path of the field that is wrong; empty: none.
        problems: Of a campaign file, each with ``key``, ``line`` and ``message``.
        hint: What the reader can do about it, if anything.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int = UNREACHABLE,
        key: str = "",
        problems: Sequence[Mapping[str, Any]] = (),
        hint: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.key = key
        self.problems = tuple(problems)
        self.hint = hint

    def __str__(self) -> str:
        return self.message if self.hint is None else f"{self.message}\n  hint: {self.hint}"


class ConfigurationError(ServerError, ValueError):
    """A value is wrong; nothing was stored."""


class NotFoundError(ServerError, LookupError):
    """Something that was named does not exist."""


class NotAllowedError(ServerError, PermissionError):
    """The token is unknown, or its role does not suffice."""


class StateError(ServerError, RuntimeError):
    """The request does not fit what is stored, such as the campaign's state."""


class SpecChangedError(ConfigurationError, StateError):
    """A campaign of this name is stored with another spec."""


class TransientError(ServerError, OSError):
    """The server did not answer in time; the same request may be repeated."""


_BY_KIND: Mapping[str, type[ServerError]] = {"spec_changed": SpecChangedError}
"""Errors that servers tell from others of their status."""

_BY_STATUS: Mapping[int, type[ServerError]] = {
    400: ConfigurationError,
    401: NotAllowedError,
    403: NotAllowedError,
    404: NotFoundError,
    408: TransientError,
    413: ConfigurationError,
    422: ConfigurationError,
    428: ConfigurationError,
    429: TransientError,
    UNREACHABLE: TransientError,
}


def error_of(status: int, found: Mapping[str, Any]) -> ServerError:
    """The error that a server's answer describes.

    Args:
        status: Of HTTP.
        found: The problem document.
    """
    kind = _BY_KIND.get(str(found.get("kind"))) or _BY_STATUS.get(status, TransientError if status >= 500 else StateError)
    key, problems = str(found.get("key", "")), found.get("problems", ())
    detail = str(found.get("detail", f"the server answered {status}")).replace("\\n", "\n")  # servers escape line breaks
    said = detail if key in detail else f"{key}: {detail}"
    return kind(said, status=status, key=key, problems=problems, hint=found.get("hint"))
