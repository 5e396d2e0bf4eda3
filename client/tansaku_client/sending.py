"""Requests of httpx, and what becomes of their answers: the same for both kinds of server."""

from __future__ import annotations

import json
import reprlib
from typing import Any

import httpx

from tansaku_client.calls import Answer, Call
from tansaku_client.errors import UNREACHABLE, ConfigurationError


def arguments(call: Call) -> dict[str, Any]:
    """The arguments with which httpx sends a call. Raises ConfigurationError where its body is not plain data."""
    keyed = {} if call.key is None else {"Idempotency-Key": call.key}
    content = call.content
    if call.body is not None:
        keyed |= {"Content-Type": "application/json"}
        try:
            content = json.dumps(call.body, allow_nan=False, default=_plain).encode()
        except (TypeError, ValueError, RecursionError) as error:
            message = f"{reprlib.repr(call.body)} cannot be sent: {error}; expected plain data with finite numbers"
            raise ConfigurationError(message) from error
    return {
        "method": call.method,
        "url": call.path,
        "params": {name: value for name, value in call.query.items() if value is not None},
        "content": content,
        "headers": {**call.headers, **keyed},
    }


def _plain(value: Any) -> Any:  # noqa: ANN401 - arrays and numbers of numpy
    if not hasattr(value, "tolist"):
        raise TypeError(f"{reprlib.repr(value)} is of type {type(value).__name__}")
    return value.tolist()


def answered(response: httpx.Response) -> Answer:
    """The answer that came."""
    return Answer(response.status_code, response.content, {name.lower(): text for name, text in response.headers.items()})


def unanswered(client: httpx.Client | httpx.AsyncClient, error: httpx.TransportError) -> Answer:
    """An answer in place of the one that did not come."""
    host = client.base_url.host
    text = f'{{"detail": "the server {host} does not answer ({type(error).__name__})"}}'
    return Answer(UNREACHABLE, text.encode())
