"""A dashboard and its campaigns, for coroutines: the same names as in ``server``, all of them awaited methods."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, overload

import httpx

from tansaku_client.calls import Answer, Call, Pause, Steps
from tansaku_client.candidates import Candidate, Form, Found, Of, Proposed
from tansaku_client.diagrams import Hull
from tansaku_client.records import Attachment, Check, Evaluation, Line, Receipt, Status, User
from tansaku_client.sending import answered, arguments, unanswered
from tansaku_client.server import LONGEST_RUN, TIMEOUT
from tansaku_client.verbs import CampaignVerbs, ServerVerbs

if TYPE_CHECKING:
    import pandas as pd

    from tansaku_client.points import Points
    from tansaku_client.verbs import Values

T = TypeVar("T")


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

    async def user(self) -> User:
        """Whom the token belongs to, and its role."""
        return await self.carry_out(self.verbs.user())

    async def campaigns(self) -> tuple[Line, ...]:
        """All campaigns, by name."""
        return await self.carry_out(self.verbs.campaigns())

    async def campaign(self, name: str) -> AsyncCampaign:
        """Opens a campaign."""
        found = AsyncCampaign(self, name)
        await found.status()
        return found

    async def numbers(self, figure: str) -> pd.DataFrame:
        """The numbers of a figure of the dashboard, by its path below ``/api/v1``."""
        return await self.carry_out(self.verbs.numbers(figure))

    async def check(self, spec: str | Path | Mapping[str, Any]) -> Check:
        """Checks a campaign file."""
        return await self.carry_out(self.verbs.check(spec))

    async def create(self, spec: str | Path | Mapping[str, Any], *, run: bool = False) -> AsyncCampaign:
        """Creates a campaign."""
        created = await self.carry_out(self.verbs.create(spec, run=run))
        return AsyncCampaign(self, created.name)

    async def upload(self, path: str | Path, name: str | None = None) -> str:
        """Adds a file to the library; returns its hash."""
        return await self.carry_out(self.verbs.upload(path, name))


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

    async def yaml(self) -> str:
        """The campaign as the text of a campaign file."""
        return await self._server.carry_out(self.verbs.yaml())

    async def ask(
        self,
        count: int | None = None,
        *,
        values_only: bool = False,
        request_id: str | None = None,
        timeout: float = TIMEOUT,
    ) -> list[Proposed]:
        """Requests proposals and waits for them."""
        steps = self.verbs.ask(count, values_only=values_only, request_id=request_id, timeout=timeout)
        return await self._server.carry_out(steps)

    async def tell(
        self,
        row: Proposed | Values,
        value: float | None = None,
        *,
        deviation: float | None = None,
        status: str | None = None,
        note: str | None = None,
        request_id: str | None = None,
        **columns: float | str,
    ) -> Receipt:
        """Records measured values."""
        facts = {"deviation": deviation, "status": status, "note": note, **columns}
        return await self._server.carry_out(self.verbs.tell(row, value, facts, request_id=request_id))

    async def attach(
        self, row: Proposed | int, path: str | Path, *, photo: bool | None = None, request_id: str | None = None
    ) -> Attachment:
        """Keeps a photo or file with a reported value."""
        return await self._server.carry_out(self.verbs.attach(row, path, photo=photo, request_id=request_id))

    async def release(self, *rows: Proposed) -> None:
        """Releases proposals."""
        await self._server.carry_out(self.verbs.release(rows, request_id=None))

    async def start(self, *, request_id: str | None = None) -> None:
        """Asks the service to run the campaign."""
        await self._server.carry_out(self.verbs.start(request_id))

    async def run(self, *, request_id: str | None = None, timeout: float = LONGEST_RUN) -> str:
        """Has the service run the campaign; returns why it ended."""
        return await self._server.carry_out(self.verbs.run(request_id=request_id, timeout=timeout))

    async def wait(self, timeout: float | None = None) -> str | None:
        """Waits for the end of what was started."""
        return await self._server.carry_out(self.verbs.wait(timeout))

    async def status(self) -> Status:
        """The status."""
        return await self._server.carry_out(self.verbs.status(words=True))

    async def done(self) -> bool:
        """Whether the campaign has ended."""
        return await self._server.carry_out(self.verbs.done())

    async def best(self) -> Found | None:
        """The best candidate."""
        return await self._server.carry_out(self.verbs.best())

    async def frame(self) -> pd.DataFrame:
        """One row for each evaluation."""
        return await self._server.carry_out(self.verbs.frame())

    async def results(self) -> pd.DataFrame:
        """One row for each system."""
        return await self._server.carry_out(self.verbs.results())

    async def evaluations(self) -> tuple[Evaluation, ...]:
        """All evaluations."""
        return await self._server.carry_out(self.verbs.evaluations())

    async def predict(self, points: Points | None = None) -> pd.DataFrame:
        """Predictions at points."""
        return await self._server.carry_out(self.verbs.predict(points))

    async def acquisition(self, points: Points | None = None) -> pd.DataFrame:
        """Acquisition values at points."""
        return await self._server.carry_out(self.verbs.acquisition(points))

    async def slices(self) -> pd.DataFrame:
        """Predictions along each parameter through the best candidate."""
        return await self._server.carry_out(self.verbs.slices())

    async def importance(self) -> pd.Series[float]:
        """Shares of groups of features."""
        return await self._server.carry_out(self.verbs.importance())

    async def hull(self) -> Hull:
        """The phase diagram."""
        return await self._server.carry_out(self.verbs.hull())

    async def plot(self, path: Path | str) -> Path:
        """Writes the figure of the best value so far."""
        return await self._server.carry_out(self.verbs.plot(path))

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
