"""A dashboard and its campaigns, for scripts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any, TypeVar, overload

import httpx

from tansaku_client.calls import Answer, Call, Pause, Steps
from tansaku_client.candidates import Candidate, Form, Found, Of, Proposed
from tansaku_client.diagrams import Hull
from tansaku_client.records import Attachment, Check, Created, Evaluation, Line, Receipt, Status, User
from tansaku_client.sending import answered, arguments, unanswered
from tansaku_client.steering import Steered
from tansaku_client.verbs import CampaignVerbs, ServerVerbs

if TYPE_CHECKING:
    import pandas as pd

    from tansaku_client.points import Points
    from tansaku_client.verbs import Values

T = TypeVar("T")
TIMEOUT = 600.0
"""Longest time that `ask` waits for the service [s]."""

LONGEST_RUN = 30 * 86400.0
"""Longest time that `run` waits for its end [s]."""


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

    def numbers(self, figure: str) -> pd.DataFrame:
        """Reads the numbers of a figure of the dashboard: the line that its button "Copy as Python" copies.

        Args:
            figure: Path of the figure below ``/api/v1``, such as ``/models/alloy@2/drawings/learning``.

        Raises:
            NotFoundError: There is no such figure, or it has no numbers.
        """
        return self.carry_out(self.verbs.numbers(figure))

    def check(self, spec: str | Path | Mapping[str, Any]) -> Check:
        """Checks a campaign file, given as path, text or keys: what is wrong, or what it would cost. Nothing is stored."""
        return self.carry_out(self.verbs.check(spec))

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

    def upload(self, path: str | Path, name: str | None = None) -> str:
        """Adds a file to the library, under its own name or another; returns its hash."""
        return self.carry_out(self.verbs.upload(path, name))


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

    def ask(
        self,
        count: int | None = None,
        *,
        values_only: bool = False,
        request_id: str | None = None,
        timeout: float = TIMEOUT,
    ) -> list[Proposed]:
        """Requests proposals and waits for them; returns all that wait for values, by number.

        Asked again before a value is reported, it returns the same.

        Args:
            count: How many are to wait; None: as many as were last asked for, or ``execution.in_flight``.
            values_only: Whether candidates are proposed even where a descriptor is expected to gain more per price.
            request_id: 8 to 64 characters; the same one twice is one request.
            timeout: How long to wait for the service [s].

        Raises:
            ConfigurationError: The values of the campaign are computed, or the count is not possible.
            StateError: The campaign is paused, or the service refuses to run it.
            TransientError: The service has not proposed enough in time, or none runs.
        """
        steps = self.verbs.ask(count, values_only=values_only, request_id=request_id, timeout=timeout)
        return self._server.carry_out(steps)

    def tell(
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
        """Records measured values: all or none; the same twice is stored once. What is read through this object then has them.

        Args:
            row: What was measured, of :meth:`ask`; or a whole report: a frame, rows, a CSV file, or values by number.
            value: Measured value [the objective's unit]; None where the status says why.
            deviation: Its standard deviation, same unit.
            status: ``failed``, ``repeat`` or ``correction``; None: a first value.
            note: Why it failed, or anything else.
            request_id: 8 to 64 characters; the same one twice is one request.
            columns: Further measured quantities, and conditions that were other than proposed, by name.

        Raises:
            ConfigurationError: A value is wrong, or the values of the campaign are computed; nothing was stored.
        """
        facts = {"deviation": deviation, "status": status, "note": note, **columns}
        return self._server.carry_out(self.verbs.tell(row, value, facts, request_id=request_id))

    def attach(
        self, row: Proposed | int, path: str | Path, *, photo: bool | None = None, request_id: str | None = None
    ) -> Attachment:
        """Keeps a photo or file with a reported value; the same one again is kept once.

        Args:
            row: What was measured, or the number of its proposal.
            path: Of the file, of at most 10 MB.
            photo: Whether it is stored as a photo, without metadata; None: if its name ends as that of one.
            request_id: 8 to 64 characters; the same one twice is one request.

        Raises:
            ConfigurationError: It cannot be read, or there is too much of it.
            NotFoundError: No value is reported of this proposal.
        """
        return self._server.carry_out(self.verbs.attach(row, path, photo=photo, request_id=request_id))

    def release(self, *rows: Proposed) -> None:
        """Releases proposals that nobody will measure now. Raises NotFoundError for one that does not wait."""
        self._server.carry_out(self.verbs.release(rows, request_id=None))

    # What is computed.

    def start(self, *, request_id: str | None = None) -> None:
        """Asks the server's service to run the campaign, and returns. Raises StateError where it is paused or runs."""
        self._server.carry_out(self.verbs.start(request_id))

    def run(self, *, request_id: str | None = None, timeout: float = LONGEST_RUN) -> str:
        """Has the server's service run the campaign, and waits for its end; returns why it ended. Raises as :meth:`start`."""
        return self._server.carry_out(self.verbs.run(request_id=request_id, timeout=timeout))

    def wait(self, timeout: float | None = None) -> str | None:
        """Waits for the end of what :meth:`start` began; returns why it ended, None where the time [s] is over before that.

        Raises:
            StateError: Nothing was started, or the service refused it.
            TransientError: No service runs that would take it.
        """
        return self._server.carry_out(self.verbs.wait(timeout))

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

    def predict(self, points: Points | None = None) -> pd.DataFrame:
        """Predicts the value with all that is known, one row for each point: what describes it, ``mean`` and ``deviation``.

        Args:
            points: A mapping of parameters, several of them, a frame of them, structures of ASE or pymatgen, or candidates and
                their ids, 500 at most; None: all candidates, where there are 20,000 at most.

        Raises:
            ConfigurationError: There is no model or no value yet, or the space cannot express a point.
            NotFoundError: There is no such candidate.
        """
        return self._server.carry_out(self.verbs.predict(points))

    def acquisition(self, points: Points | None = None) -> pd.DataFrame:
        """Scores points as the next proposal would: what describes each, and ``acquisition``; the highest is proposed.

        Arguments and errors are those of :meth:`predict`. Every point is scored, also one that is not proposed again.
        """
        return self._server.carry_out(self.verbs.acquisition(points))

    def slices(self) -> pd.DataFrame:
        """Predicts along each parameter through the best candidate: ``along``, the parameters, ``mean`` and ``deviation``.

        Raises:
            ConfigurationError: There is no model or no value yet, no parameters describe the candidates, or there are several
                objectives.
        """
        return self._server.carry_out(self.verbs.slices())

    def importance(self) -> pd.Series[float]:
        """Shares of the variance that groups of features cause in the model of the last fit, the largest first.

        Raises:
            ConfigurationError: Nothing was fitted yet.
        """
        return self._server.carry_out(self.verbs.importance())

    def hull(self) -> Hull:
        """The phase diagram of the results and given phases: ``frame``, ``stable``; energies above the hull [eV/atom].

        Raises:
            ConfigurationError: Nothing has an energy yet, or an element has no phase of its own.
        """
        return self._server.carry_out(self.verbs.hull())

    def plot(self, path: Path | str) -> Path:
        """Writes the server's drawing of the best value so far against evaluations and cost.

        Args:
            path: File that ends in ``.png`` or ``.svg``.

        Raises:
            ConfigurationError: It has another ending or cannot be written, or nothing has a value yet.
        """
        return self._server.carry_out(self.verbs.plot(path))

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
