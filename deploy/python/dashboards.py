"""Connections to dashboards whose errors are tansaku's own, as those of campaigns of this machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

from tansaku.models.domain.errors import (
    ConfigurationError,
    NotFoundError,
    SpecChangedError,
    StateError,
    TansakuError,
    TransientError,
)
from tansaku_client import AsyncServer, Server, ServerError, connect, connect_async
from tansaku_client.calls import Steps
from tansaku_client.connecting import PATIENCE

T = TypeVar("T")

_KINDS: dict[str, type[TansakuError]] = {
    kind.__name__: kind for kind in (ConfigurationError, NotFoundError, SpecChangedError, StateError, TransientError)
}


@contextmanager
def own_errors() -> Iterator[None]:
    """Raises errors of the client as tansaku's of the same name; what a token does not allow stays the client's."""
    try:
        yield
    except ServerError as error:
        kind = _KINDS.get(type(error).__name__)
        if kind is None:
            raise
        raise kind(error.message, hint=error.hint) from error


class Dashboard(Server):
    """A dashboard."""

    def carry_out(self, steps: Steps[T]) -> T:
        """Carries out the steps of a verb. Raises as :func:`own_errors`."""
        with own_errors():
            return super().carry_out(steps)

    @classmethod
    def at(cls, address: str, *, token: str | None, insecure: bool, patience: float) -> Dashboard:
        """Connects as :func:`tansaku_client.connect`."""
        with own_errors():
            found = connect(address, token=token, insecure=insecure, patience=patience)
        return cls(found._client, patience)


class AsyncDashboard(AsyncServer):
    """A dashboard, for coroutines."""

    async def carry_out(self, steps: Steps[T]) -> T:
        """Carries out the steps of a verb. Raises as :func:`own_errors`."""
        with own_errors():
            return await super().carry_out(steps)

    @classmethod
    def at(
        cls, address: str, *, token: str | None = None, insecure: bool = False, patience: float = PATIENCE
    ) -> AsyncDashboard:
        """Connects as :func:`tansaku_client.connect_async`."""
        with own_errors():
            found = connect_async(address, token=token, insecure=insecure, patience=patience)
        return cls(found._client, patience)
