"""Requests to a server, apart from how they are sent: steps that the two kinds of server carry out.

A verb is a generator that yields calls and pauses and receives answers, so that it stands once for scripts and coroutines.
"""

from __future__ import annotations

import inspect
import json
import re
import reprlib
import uuid
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field, replace
from functools import wraps
from os import PathLike
from pathlib import Path
from typing import Any, TypeAlias, TypeGuard, TypeVar

from tansaku_client.errors import UNREACHABLE, ConfigurationError, error_of

_RETRIED = frozenset({UNREACHABLE, 408, 429, 502, 503, 504})
_PROBLEM = "application/problem+json"

FIRST_WAIT = 0.25  # [s]
_LONGEST_WAIT = 5.0  # [s]
_KEY = re.compile(r"[A-Za-z0-9._:-]{8,64}")


def key_of(request_id: str | None) -> str:
    """The id of a request, a new one for None. Raises ConfigurationError for one that servers refuse."""
    if request_id is None:
        return uuid.uuid4().hex
    if not isinstance(request_id, str) or not _KEY.fullmatch(request_id):
        message = f"request_id: {reprlib.repr(request_id)}; expected 8 to 64 letters, digits and ._:-"
        raise ConfigurationError(message, key="request_id")
    return request_id


def count_of(count: object) -> int | None:
    """A number of proposals; the server knows the largest. Raises ConfigurationError for what is none."""
    if count is not None and (not isinstance(count, int) or isinstance(count, bool) or count < 1):
        raise ConfigurationError(f"count: {reprlib.repr(count)} proposals; expected a whole number of at least 1", key="count")
    return count


def path_of(verb: str, path: object) -> Path:
    """The path of a file. Raises ConfigurationError, which begins with the verb, for what is none."""
    if not isinstance(path, str | PathLike):
        raise ConfigurationError(f"{verb}: {reprlib.repr(path)}; expected the path of a file")
    return Path(path)


def changes_of(changes: object) -> dict[str, Any]:
    """Changes of an edit by dotted key. Raises ConfigurationError for what is no mapping."""
    if not isinstance(changes, Mapping):
        raise ConfigurationError(f"changes: {reprlib.repr(changes)}; expected a mapping of keys such as budget.evaluations")
    return dict(changes)


def is_text(spec: object) -> TypeGuard[str]:
    """Returns whether it is the text of a campaign file, of several lines or JSON, and not the path of one."""
    return isinstance(spec, str) and ("\n" in spec or spec.lstrip().startswith("{"))


@dataclass(frozen=True)
class Call:
    """A request. Each may be repeated: those that change something carry a key, a name or a hash that makes them one.

    Attributes:
        method: Of HTTP.
        path: Below ``/api/v1``.
        query: Parameters; those that are None are left out.
        body: To be sent as JSON; None: nothing.
        content: To be sent as it is.
        key: Idempotency key.
        headers: Further ones.
    """

    method: str
    path: str
    query: Mapping[str, Any] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    content: bytes | None = None
    key: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Pause:
    """Time to wait [s]."""

    seconds: float


@dataclass(frozen=True)
class Answer:
    """An answer.

    Attributes:
        status: Of HTTP; 0: there was none.
        content: As it came.
        headers: By name in small letters.
        repeated: Whether the call was made more than once.
    """

    status: int
    content: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    repeated: bool = False

    @property
    def data(self) -> Any:  # noqa: ANN401 - JSON
        """The content, read as JSON. Raises ConfigurationError where it is none."""
        try:
            return json.loads(self.content)
        except ValueError as error:
            said = reprlib.repr(self.content.decode(errors="replace"))
            raise ConfigurationError(f"server: it answered {said}; expected JSON of a dashboard of tansaku") from error

    @property
    def problem(self) -> Mapping[str, Any]:
        """The problem document; a made one where a proxy answered otherwise."""
        try:
            found = self.data
        except ValueError:
            found = None
        return found if isinstance(found, dict) else {"detail": f"the server answered {self.status}"}

    @property
    def is_none(self) -> bool:
        """Whether the same call is to be made again; of a server that ends meanwhile comes a 500 without a reason."""
        return self.status in _RETRIED or (self.status == 500 and _PROBLEM not in self.headers.get("content-type", ""))

    @property
    def wanted_wait(self) -> float:
        """The time that the server asks to wait [s]."""
        text = self.headers.get("retry-after", "")
        return float(text) if text.isdecimal() else 0.0


T = TypeVar("T")
Method = TypeVar("Method", bound=Callable[..., object])
Steps: TypeAlias = Generator[Call | Pause, Answer, T]


def described_by(verb: Callable[..., object]) -> Callable[[Method], Method]:
    """Gives a method the name, words and arguments of the verb that it carries out, and the type that the steps return."""

    def described(method: Method) -> Method:
        wraps(verb)(method)
        signature = inspect.signature(verb)
        returned = str(signature.return_annotation).removeprefix("Steps[").removesuffix("]")
        vars(method)["__signature__"] = signature.replace(return_annotation=returned)
        return method

    return described


def sent(call: Call, patience: float) -> Steps[Answer]:
    """Sends a call, again while the server does not answer.

    Args:
        call: The request, repeated as it is.
        patience: Time after which it is not repeated [s].

    Raises:
        ServerError: What the server said, or that it does not answer.
    """
    waited, wait = 0.0, FIRST_WAIT
    while True:
        answer = yield call
        pause = max(wait, answer.wanted_wait)
        if not answer.is_none or waited + pause > patience:
            break
        yield Pause(pause)
        waited, wait = waited + pause, min(2 * wait, _LONGEST_WAIT)
    if not 200 <= answer.status < 300:
        raise error_of(answer.status, answer.problem)
    return replace(answer, repeated=waited > 0)
