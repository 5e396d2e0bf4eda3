"""A dashboard and its campaigns, for scripts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar, overload

import httpx

from tansaku_client.calls import Answer, Call, Pause, Steps, described_by
from tansaku_client.candidates import Candidate, Form, Found, Of, Proposed
from tansaku_client.records import Created, Evaluation, Line, Status, User
from tansaku_client.sending import answered, arguments, unanswered
from tansaku_client.steering import Steered
from tansaku_client.verbs import CampaignVerbs, ServerVerbs

if TYPE_CHECKING:
    import pandas as pd


P = ParamSpec("P")
T = TypeVar("T")


def _server_method(verb: Callable[Concatenate[ServerVerbs, P], Steps[T]]) -> Callable[Concatenate[Server, P], T]:
    """The method of a server that carries out a verb, with its arguments and words."""

    @described_by(verb)
    def method(server: Server, /, *given: P.args, **facts: P.kwargs) -> T:
        return server.carry_out(verb(server.verbs, *given, **facts))

    return method


def _method(verb: Callable[Concatenate[CampaignVerbs, P], Steps[T]]) -> Callable[Concatenate[Campaign, P], T]:
    """The method of a campaign that carries out a verb, with its arguments and words."""

    @described_by(verb)
    def method(campaign: Campaign, /, *given: P.args, **facts: P.kwargs) -> T:
        return campaign._server.carry_out(verb(campaign.verbs, *given, **facts))

    return method


class Server:
    """A dashboard; ``with`` closes its connections.

    Args:
        client: Sends requests.
        patience: How long a request is repeated while the server does not answer [s].
    """

    def __init__(self, client: httpx.Client, patience: float) -> None:
        self._client = client
        self.verbs = ServerVerbs(patience)

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connections."""
        self._client.close()

    def carry_out(self, steps: Steps[T]) -> T:
        """Carries out the steps of a verb. Raises ServerError with what the server said."""
        try:
            step = next(steps)
            while True:
                step = steps.send(self._done(step))
        except StopIteration as end:
            found: T = end.value
            return found

    def _done(self, step: Call | Pause) -> Answer:
        if isinstance(step, Pause):
            Event().wait(step.seconds)
            return Answer(200, b"")
        try:
            return answered(self._client.request(**arguments(step)))
        except httpx.TransportError as error:
            return unanswered(self._client, error)

    @property
    def user(self) -> User:
        """Whom the token belongs to, and its role."""
        return self.carry_out(self.verbs.user())

    @property
    def campaigns(self) -> tuple[Line, ...]:
        """All campaigns, by name."""
        return self.carry_out(self.verbs.campaigns())

    def campaign(self, name: str) -> Campaign:
        """Opens a campaign. Raises NotFoundError."""
        found = Campaign(self, name)
        self.carry_out(found.verbs.status())
        return found

    def __getitem__(self, name: str) -> Campaign:
        return self.campaign(name)

    numbers = _server_method(ServerVerbs.numbers)
    check = _server_method(ServerVerbs.check)
    upload = _server_method(ServerVerbs.upload)

    def create(self, spec: str | Path | Mapping[str, Any], *, run: bool = False) -> Campaign:
        """Creates a campaign; the same file again opens it.

        Args:
            spec: A campaign file as path, text or keys; the files that it names are those of the server's library.
            run: Whether the service runs it at once.

        Raises:
            ConfigurationError: A key is wrong.
            StateError: A campaign of this name has another spec.
        """
        created: Created = self.carry_out(self.verbs.create(spec, run=run))
        return Campaign(self, created.name)


class Campaign(Steered):
    """A campaign of a server, with the names of ``tansaku.Campaign``.

    Args:
        server: Its server.
        name: Its name.
    """

    def __init__(self, server: Server, name: str) -> None:
        self._server = server
        self.verbs = CampaignVerbs(name, server.verbs)

    @property
    def name(self) -> str:
        """Name of the campaign."""
        return self.verbs.name

    @property
    def yaml(self) -> str:
        """The campaign as the text of a campaign file."""
        return self._server.carry_out(self.verbs.yaml())

    # What is to be measured.

    ask = _method(CampaignVerbs.ask)
    tell = _method(CampaignVerbs.tell)
    attach = _method(CampaignVerbs.attach)

    def release(self, *rows: Proposed) -> None:
        """Releases proposals that nobody will measure now. Raises NotFoundError for one that does not wait."""
        self._server.carry_out(self.verbs.release(rows, request_id=None))

    # What is computed.

    def start(self, *, request_id: str | None = None) -> None:
        """Asks the server's service to run the campaign, and returns. Raises StateError where it is paused or runs."""
        self._server.carry_out(self.verbs.start(request_id))

    run = _method(CampaignVerbs.run)
    wait = _method(CampaignVerbs.wait)

    # What was found.

    @property
    def status(self) -> Status:
        """The status; ``print(campaign.status.describe())`` shows it."""
        return self._server.carry_out(self.verbs.status(words=True))

    @property
    def done(self) -> bool:
        """Whether the campaign has ended."""
        return self._server.carry_out(self.verbs.done())

    @property
    def best(self) -> Found | None:
        """The best candidate; None before there is a value. Raises ConfigurationError where there are several objectives."""
        return self._server.carry_out(self.verbs.best())

    @property
    def frame(self) -> pd.DataFrame:
        """One row for each evaluation, its parameters included, indexed by proposal number."""
        return self._server.carry_out(self.verbs.frame())

    @property
    def results(self) -> pd.DataFrame:
        """One row for each system: the best value, evaluations, cost."""
        return self._server.carry_out(self.verbs.results())

    @property
    def evaluations(self) -> tuple[Evaluation, ...]:
        """All evaluations, in proposal order."""
        return self._server.carry_out(self.verbs.evaluations())

    predict = _method(CampaignVerbs.predict)
    acquisition = _method(CampaignVerbs.acquisition)
    slices = _method(CampaignVerbs.slices)
    importance = _method(CampaignVerbs.importance)
    hull = _method(CampaignVerbs.hull)
    plot = _method(CampaignVerbs.plot)

    @overload
    def structure(self, candidate: Candidate | str | int, form: None = None, *, of: Of = "start") -> Any: ...  # noqa: ANN401

    @overload
    def structure(self, candidate: Candidate | str | int, form: Form, *, of: Of = "start") -> str: ...

    def structure(self, candidate: Candidate | str | int, form: Form | None = None, *, of: Of = "start") -> Any:
        """The structure of a candidate, as ``ase.Atoms`` or as the text of a file, which needs no ASE.

        Args:
            candidate: A candidate, its id, or the number of a proposal.
            form: ``extxyz`` or ``cif``: the text of a file; None: ``ase.Atoms``.
            of: ``start``: before it is computed; ``end``: the final one of its last evaluation.

        Raises:
            ConfigurationError: It is no candidate, or ASE is not installed.
            NotFoundError: There is none.
        """
        return self._server.carry_out(self.verbs.structure(candidate, form, of))

    # What is changed.

    def edit(self, changes: Mapping[str, object]) -> None:
        """Changes keys of the campaign, such as ``{"budget.evaluations": 48}``.

        Raises:
            ConfigurationError: A key cannot be changed, or its value is wrong.
            StateError: Somebody else changed it at the same time.
        """
        self._server.carry_out(self.verbs.steer("edit", (), changes=changes, request_id=None))

    def _steer(self, kind: str, *candidates: Candidate | str) -> None:
        self._server.carry_out(self.verbs.steer(kind, candidates, changes={}, request_id=None))

    def __repr__(self) -> str:
        status = self._server.carry_out(self.verbs.status())
        return f"Campaign({self.name!r}: {status.state}, {status.evaluations} evaluations)"
