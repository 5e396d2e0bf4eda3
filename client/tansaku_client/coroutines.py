"""A dashboard and its campaigns, for coroutines: the same names as in ``server``, all of them awaited methods."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar, overload

import httpx

from tansaku_client.calls import Answer, Call, Pause, Steps, described_by
from tansaku_client.candidates import Candidate, Form, Of, Proposed
from tansaku_client.records import Evaluation, Status
from tansaku_client.sending import answered, arguments, unanswered
from tansaku_client.verbs import CampaignVerbs, ServerVerbs

P = ParamSpec("P")
T = TypeVar("T")


def _server_method(
    verb: Callable[Concatenate[ServerVerbs, P], Steps[T]],
) -> Callable[Concatenate[AsyncServer, P], Coroutine[Any, Any, T]]:
    """The method of a server that carries out a verb, with its arguments and words."""

    @described_by(verb)
    async def method(server: AsyncServer, /, *given: P.args, **facts: P.kwargs) -> T:
        return await server.carry_out(verb(server.verbs, *given, **facts))

    return method


def _method(
    verb: Callable[Concatenate[CampaignVerbs, P], Steps[T]],
) -> Callable[Concatenate[AsyncCampaign, P], Coroutine[Any, Any, T]]:
    """The method of a campaign that carries out a verb, with its arguments and words."""

    @described_by(verb)
    async def method(campaign: AsyncCampaign, /, *given: P.args, **facts: P.kwargs) -> T:
        return await campaign._server.carry_out(verb(campaign.verbs, *given, **facts))

    return method


class AsyncServer:
    """A dashboard; ``async with`` closes its connections. Arguments and errors as of ``Server``.

    Args:
        client: Sends requests.
        patience: How long a request is repeated while the server does not answer [s].
    """

    def __init__(self, client: httpx.AsyncClient, patience: float) -> None:
        self._client = client
        self.verbs = ServerVerbs(patience)

    async def __aenter__(self) -> AsyncServer:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    async def carry_out(self, steps: Steps[T]) -> T:
        """Carries out the steps of a verb. Raises ServerError with what the server said."""
        try:
            step = next(steps)
            while True:
                step = steps.send(await self._done(step))
        except StopIteration as end:
            found: T = end.value
            return found

    async def _done(self, step: Call | Pause) -> Answer:
        if isinstance(step, Pause):
            await asyncio.sleep(step.seconds)
            return Answer(200, b"")
        try:
            return answered(await self._client.request(**arguments(step)))
        except httpx.TransportError as error:
            return unanswered(self._client, error)

    user = _server_method(ServerVerbs.user)
    campaigns = _server_method(ServerVerbs.campaigns)
    numbers = _server_method(ServerVerbs.numbers)
    check = _server_method(ServerVerbs.check)
    upload = _server_method(ServerVerbs.upload)

    async def campaign(self, name: str) -> AsyncCampaign:
        """Opens a campaign."""
        found = AsyncCampaign(self, name)
        await found.status()
        return found

    async def create(self, spec: str | Path | Mapping[str, Any], *, run: bool = False) -> AsyncCampaign:
        """Creates a campaign."""
        created = await self.carry_out(self.verbs.create(spec, run=run))
        return AsyncCampaign(self, created.name)


class AsyncCampaign:
    """A campaign of a server. Arguments and errors as of ``Campaign``.

    Args:
        server: Its server.
        name: Its name.
    """

    def __init__(self, server: AsyncServer, name: str) -> None:
        self._server = server
        self.verbs = CampaignVerbs(name, server.verbs)

    @property
    def name(self) -> str:
        """Name of the campaign."""
        return self.verbs.name

    yaml = _method(CampaignVerbs.yaml)
    ask = _method(CampaignVerbs.ask)
    tell = _method(CampaignVerbs.tell)
    attach = _method(CampaignVerbs.attach)
    run = _method(CampaignVerbs.run)
    wait = _method(CampaignVerbs.wait)
    done = _method(CampaignVerbs.done)
    best = _method(CampaignVerbs.best)
    frame = _method(CampaignVerbs.frame)
    results = _method(CampaignVerbs.results)
    predict = _method(CampaignVerbs.predict)
    acquisition = _method(CampaignVerbs.acquisition)
    slices = _method(CampaignVerbs.slices)
    importance = _method(CampaignVerbs.importance)
    hull = _method(CampaignVerbs.hull)
    plot = _method(CampaignVerbs.plot)

    async def release(self, *rows: Proposed) -> None:
        """Releases proposals."""
        await self._server.carry_out(self.verbs.release(rows, request_id=None))

    async def start(self, *, request_id: str | None = None) -> None:
        """Asks the service to run the campaign."""
        await self._server.carry_out(self.verbs.start(request_id))

    async def status(self) -> Status:
        """The status."""
        return await self._server.carry_out(self.verbs.status(words=True))

    async def evaluations(self) -> tuple[Evaluation, ...]:
        """All evaluations."""
        return await self._server.carry_out(self.verbs.evaluations())

    @overload
    async def structure(self, candidate: Candidate | str | int, form: None = None, *, of: Of = "start") -> Any: ...  # noqa: ANN401

    @overload
    async def structure(self, candidate: Candidate | str | int, form: Form, *, of: Of = "start") -> str: ...

    async def structure(self, candidate: Candidate | str | int, form: Form | None = None, *, of: Of = "start") -> Any:
        """The structure of a candidate, as ``ase.Atoms`` or as text."""
        return await self._server.carry_out(self.verbs.structure(candidate, form, of))

    async def pause(self) -> None:
        """Proposes nothing until :meth:`resume`."""
        await self._steer("pause")

    async def resume(self) -> None:
        """Lifts a pause or a cancellation and continues the campaign."""
        await self._steer("resume")

    async def cancel(self) -> None:
        """Ends the campaign."""
        await self._steer("cancel")

    async def retry(self, *candidates: Candidate | str) -> None:
        """Has failed and cancelled evaluations done again."""
        await self._steer("retry", *candidates)

    async def edit(self, changes: Mapping[str, object]) -> None:
        """Changes keys of the campaign."""
        await self._server.carry_out(self.verbs.steer("edit", (), changes=changes, request_id=None))

    async def _steer(self, kind: str, *candidates: Candidate | str) -> None:
        await self._server.carry_out(self.verbs.steer(kind, candidates, changes={}, request_id=None))
