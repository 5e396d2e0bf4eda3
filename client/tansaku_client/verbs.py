"""The verbs of a server and of its campaigns, as steps; scripts and coroutines carry out the same ones."""

from __future__ import annotations

import io
import json
import math
import reprlib
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import parse_qs, quote, urlsplit

from tansaku_client.calls import FIRST_WAIT, Answer, Call, Pause, Steps, changes_of, count_of, is_text, key_of, path_of, sent
from tansaku_client.candidates import (
    Candidate,
    Found,
    Proposed,
    by_number,
    id_of,
    named,
    number_of,
    of_frame,
    refuse_beside_a_report,
)
from tansaku_client.diagrams import Hull
from tansaku_client.errors import ConfigurationError, NotFoundError, StateError, TransientError
from tansaku_client.points import StructurePoint, plain_cells, points_of
from tansaku_client.records import Attachment, Check, Created, Evaluation, Line, Receipt, RunRequest, Status, User

if TYPE_CHECKING:
    import pandas as pd

    from tansaku_client.points import Points

    Values: TypeAlias = str | Path | pd.DataFrame | Mapping[int, float | Mapping[str, object]] | Sequence[Mapping[str, object]]

TIMEOUT = 600.0
"""Longest time that `ask` waits for the service [s]."""

LONGEST_RUN = 30 * 86400.0
"""Longest time that `run` waits for its end [s]."""

_PAGE = 500  # entries of a list in one answer
_FACTS = frozenset({"deviation", "status", "note"})
_PREDICTED = ("mean", "deviation")
_FORMS = ("png", "svg")
_MARKS = ("others", "strained")
"""Columns of evaluations that only some campaigns have."""

_PHOTOS = (".jpg", ".jpeg", ".png", ".webp", ".heic", ".heif")
_LONGEST_LOOK = 2.0  # between two looks at what the service does [s]
_LONGEST_SETTLING = 60.0  # of a report until its values count [s]
_UNSERVED = 5.0  # of a request that no service takes, before it is asked whether one runs [s]


@dataclass(frozen=True)
class ServerVerbs:
    """Requests to a server.

    Attributes:
        patience: How long a request is repeated while the server does not answer [s].
        seen: Time at which a service, or the server after it had not answered, was last seen [s].
    """

    patience: float
    seen: list[float] = field(default_factory=list)

    def send(self, call: Call) -> Steps[Answer]:
        """Sends a call. Raises as of ``sent``."""
        answer = yield from sent(call, self.patience)
        if answer.repeated:
            self.sees()
        return answer

    def sees(self) -> None:
        """Notes the time."""
        self.seen[:] = [time.monotonic()]

    def unserved_from(self, began: float) -> float:
        """Time from which it is asked whether a service runs [s]; one that was seen and was killed needs time to start again.

        Args:
            began: Time at which something was requested [s].
        """
        return max([began + _UNSERVED, *(at + self.patience for at in self.seen)])

    def user(self) -> Steps[User]:
        """Whom the token belongs to, and its role."""
        return User.model_validate((yield from self.send(Call("GET", "/session"))).data)

    def campaigns(self) -> Steps[tuple[Line, ...]]:
        """All campaigns, by name."""
        found: list[Line] = []
        after: str | None = ""
        while after is not None:
            page = (yield from self.send(Call("GET", "/campaigns", {"limit": _PAGE, "after": after}))).data
            found += [Line.model_validate(item) for item in page["items"]]
            after = page["next"]
        return tuple(found)

    def numbers(self, figure: str) -> Steps[pd.DataFrame]:
        """Reads the numbers of a figure of the dashboard: the line that its button "Copy as Python" copies.

        Args:
            figure: Path of the figure below ``/api/v1``, such as ``/models/alloy@2/drawings/learning``.

        Raises:
            NotFoundError: There is no such figure, or it has no numbers.
        """
        import pandas as pd

        if not isinstance(figure, str) or not figure.startswith("/") or figure.startswith("//"):
            raise ConfigurationError(f"numbers: {figure!r}; expected the path of a figure below /api/v1, which begins with /")
        path, _, query = figure.partition("?")
        answer = yield from self.send(Call("GET", path, {**parse_qs(query), "form": "csv"}))
        return pd.read_csv(io.BytesIO(answer.content))

    def check(self, spec: str | Path | Mapping[str, Any]) -> Steps[Check]:
        """Checks a campaign file, given as path, text or keys: what is wrong, or what it would cost. Nothing is stored."""
        found = (yield from self.send(Call("POST", "/checks", body={"spec": _text_of(spec)}))).data
        while found["state"] == "running":
            yield Pause(FIRST_WAIT)
            found = (yield from self.send(Call("GET", f"/checks/{found['id']}", {"wait": 10}))).data
        return Check.model_validate(found)

    def create(self, spec: str | Path | Mapping[str, Any], *, run: bool) -> Steps[Created]:
        """Creates a campaign."""
        body = {"spec": _text_of(spec), "run": run}
        return Created.model_validate((yield from self.send(Call("POST", "/campaigns", body=body))).data)

    def upload(self, path: str | Path, name: str | None = None) -> Steps[str]:
        """Adds a file to the library, under its own name or another; returns its hash."""
        content = _content_of("upload", path)
        digest = sha256(content).hexdigest()
        yield from self.send(Call("PUT", f"/files/{digest}", {"name": name or Path(path).name}, content=content))
        return digest


@dataclass(frozen=True)
class CampaignVerbs:
    """Requests about a campaign.

    Attributes:
        name: Of the campaign.
        server: Sends calls.
        reported: Id of the last report, as long as its values do not count.
        started: Id of the last request to run it.
    """

    name: str
    server: ServerVerbs
    reported: list[str] = field(default_factory=list)
    started: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Raises ConfigurationError for a name that is no text."""
        if not isinstance(self.name, str):
            raise ConfigurationError(f"name: {self.name!r}; expected the name of a campaign")

    def _call(self, method: str, below: str, **facts: Any) -> Steps[Answer]:  # noqa: ANN401 - fields of a call
        return (yield from self.server.send(Call(method, f"/campaigns/{quote(self.name, safe='')}{below}", **facts)))

    def status(self, *, words: bool = False) -> Steps[Status]:
        """The status, also in words."""
        return Status.model_validate((yield from self._call("GET", "", query={"words": words or None})).data)

    def yaml(self) -> Steps[str]:
        """The campaign as the text of a campaign file."""
        return str((yield from self._call("GET", "/spec")).data["yaml"])

    # What is to be measured.

    def ask(
        self,
        count: int | None = None,
        *,
        values_only: bool = False,
        request_id: str | None = None,
        timeout: float = TIMEOUT,
    ) -> Steps[list[Proposed]]:
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
        key = key_of(request_id)
        body = {"count": count_of(count), "values": values_only}
        asked = (yield from self._call("POST", "/asks", body=body, key=key)).data
        if asked.get("batch") is not None:  # all were proposed before: those that still wait
            return proposed(asked)
        wanted, run, asked_again = int(count or asked["asked_for"]), key, False
        began = yield from self._begun()
        for pause in _looks(timeout):
            # A driver that was about to end when this was stored leaves it to the next one.
            answered = asked_again and (yield from self._is_applied(key))
            request = yield from self._request(run)
            status = yield from self.status()
            asked = yield from self.asked()
            if _enough(asked, wanted, values_only) or status.over:
                return proposed(asked)
            if status.state == "PAUSED":
                return self._unless_empty(proposed(asked))
            if request is not None and request.state == "refused":
                raise StateError(request.outlook)
            if time.monotonic() >= self.server.unserved_from(began):
                yield from self._check_served(request, key)
            if status.driver is None and (request is None or request.ended):
                if answered:
                    return proposed(asked)
                # Nobody is at it: the driver was killed between two proposals, or can make no more of them.
                again = yield from self._continued(key_of(None))
                run, asked_again = again or run, again is not None
            yield pause
        raise TransientError(
            f"{self.name}: {len(asked['waiting'])} of {wanted} proposals after {timeout:g} s; ask again: request_id={key!r}"
        )

    def asked(self) -> Steps[dict[str, Any]]:
        """All that waits for values, as the server describes it."""
        answer = yield from self._call("GET", "/asks", query={"limit": _PAGE})
        found: dict[str, Any] = answer.data
        while (after := _next_page(answer)) is not None:
            answer = yield from self._call("GET", "/asks", query={"limit": _PAGE, "after": after})
            found["waiting"] += answer.data["waiting"]
        return found

    def _unless_empty(self, rows: list[Proposed]) -> list[Proposed]:
        if not rows:
            raise StateError(f"campaign {self.name!r} is paused, so nothing is proposed; `resume()` continues it")
        return rows

    def _request(self, key: str) -> Steps[RunRequest | None]:
        try:
            return RunRequest.model_validate((yield from self._call("GET", f"/runs/{key}")).data)
        except NotFoundError:
            return None

    def _check_served(self, request: RunRequest | None, key: str) -> Steps[None]:
        """Raises TransientError where a request waits and no service of the server's database would take it."""
        if request is not None and request.state == "waiting" and not (yield from self._is_served()):
            message = f"{self.name}: no service takes the request; `tansaku serve` on the dashboard's machine starts one"
            raise TransientError(f"{message}, then ask again: request_id={key!r}")

    def _begun(self) -> Steps[float]:
        """The time [s], after a look at the service."""
        if (yield from self._is_served()):
            self.server.sees()
        return time.monotonic()

    def _is_served(self) -> Steps[bool]:
        return bool((yield from self.server.send(Call("GET", "/service"))).data["running"])

    def _is_applied(self, command: str) -> Steps[bool]:
        return (yield from self._call("GET", f"/commands/{command}")).data["applied_at_number"] is not None

    def _continued(self, key: str) -> Steps[str | None]:
        """Has the campaign run; returns the id of the request for it, None where a driver has it meanwhile."""
        try:
            return (yield from self.start(key)).id
        except StateError:
            return None

    def tell(
        self,
        /,
        row: Proposed | Values,
        value: float | None = None,
        *,
        deviation: float | None = None,
        status: str | None = None,
        note: str | None = None,
        request_id: str | None = None,
        **columns: float | str,
    ) -> Steps[Receipt]:
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
        answer = yield from self._call("POST", "/tells", body=_report(row, value, facts), key=key_of(request_id))
        receipt = Receipt.model_validate(answer.data)
        if receipt.command is not None and not receipt.applied:
            self.reported[:] = [receipt.command]
        return receipt

    def attach(
        self, row: Proposed | int, path: str | Path, *, photo: bool | None = None, request_id: str | None = None
    ) -> Steps[Attachment]:
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
        number = number_of("attach", row)
        content, file = _content_of("attach", path), Path(path).name
        shown = file.lower().endswith(_PHOTOS) if photo is None else photo
        own = f"attach-{sha256(json.dumps([number, file, shown]).encode() + content).hexdigest()[:32]}"
        key = key_of(own if request_id is None else request_id)
        query = {"number": number, "file": file, "photo": shown}
        answer = yield from self._call("POST", "/attachments", query=query, content=content, key=key)
        return Attachment.model_validate(answer.data)

    def settled(self) -> Steps[None]:
        """Waits a minute at most until the values count that were reported through this object: the service applies them."""
        began = time.monotonic()
        for pause in _looks(_LONGEST_SETTLING):
            if not self.reported or (yield from self._is_applied(self.reported[0])):
                self.reported.clear()
                return
            if time.monotonic() >= self.server.unserved_from(began) and not (yield from self._is_served()):
                return
            yield pause

    def done(self) -> Steps[bool]:
        """Whether the campaign has ended."""
        yield from self.settled()
        return (yield from self.status()).over

    def release(self, rows: Sequence[Proposed | int], *, request_id: str | None) -> Steps[None]:
        """Releases proposals, given by their numbers or as :meth:`ask` returned them."""
        numbers = [number_of("release", row) for row in rows if getattr(row, "measure", None) is None]
        yield from self._call("POST", "/asks", body={"release": numbers}, key=key_of(request_id))

    # What is computed.

    def start(self, request_id: str | None = None) -> Steps[RunRequest]:
        """Asks the service to run the campaign."""
        request = RunRequest.model_validate((yield from self._call("POST", "/runs", key=key_of(request_id))).data)
        self.started[:] = [request.id]
        return request

    def run(self, *, request_id: str | None = None, timeout: float = LONGEST_RUN) -> Steps[str]:
        """Has the server's service run the campaign, and waits for its end; returns why it ended. Raises as :meth:`start`."""
        request = yield from self.start(request_id)
        reason = yield from self.wait(timeout)
        if reason is None:
            raise TransientError(f"{self.name}: runs longer than {timeout:g} s; wait again: request_id={request.id!r}")
        return reason

    def wait(self, timeout: float | None = None) -> Steps[str | None]:
        """Waits for the end of what :meth:`start` began; returns why it ended, None where the time [s] is over before that.

        Raises:
            StateError: Nothing was started, or the service refused it.
            TransientError: No service runs that would take it.
        """
        if not self.started:
            raise StateError(f"campaign {self.name!r} was not started; `start()` does it")
        began = yield from self._begun()
        for pause in _looks(math.inf if timeout is None else timeout):
            found = yield from self._request(self.started[0])
            if time.monotonic() >= self.server.unserved_from(began):
                yield from self._check_served(found, self.started[0])
            if found is not None and found.state == "refused":
                raise StateError(found.outlook)
            if found is None or found.ended:
                status = yield from self.status()
                return status.stop_reason or status.state.lower()
            yield pause
        return None

    # What was found.

    def evaluations(self, after: int | None = None, limit: int = _PAGE) -> Steps[tuple[Evaluation, ...]]:
        """Evaluations, with what describes their candidates: all, or a page of fewer."""
        yield from self.settled()
        found: list[Evaluation] = []
        while True:
            query = {"limit": limit, "after": after, "cells": True}
            page = (yield from self._call("GET", "/evaluations", query=query)).data
            found += [Evaluation.model_validate(item) for item in page["items"]]
            after = page["next"]
            if after is None or limit < _PAGE:
                return tuple(found)

    def best(self) -> Steps[Found | None]:
        """The best candidate; None before there is a value. Raises ConfigurationError where there are several objectives."""
        yield from self.settled()
        headline = (yield from self.status()).headline
        if headline.front is not None:
            raise ConfigurationError("best: there are several objectives")
        found = headline.search
        if found is None:
            return None
        items = yield from self.evaluations(found.number - 1 or None, limit=1)
        if not items or items[0].round != found.number:
            items = tuple(item for item in (yield from self.evaluations()) if item.round == found.number)
        item = items[0]
        return Found(found.candidate, item.cells or {}, found.number, item.system, found.value, headline.unit)

    def frame(self) -> Steps[pd.DataFrame]:
        """One row for each evaluation, its parameters included, indexed by proposal number."""
        from tansaku_client.frames import frame_of, with_cells

        found = [item for item in (yield from self.evaluations()) if item.model_dump()["purpose"] == "search"]
        frame = frame_of([_row(item) for item in found])
        return with_cells(frame, (item.cells or {} for item in found))

    def results(self) -> Steps[pd.DataFrame]:
        """One row for each system: the best value, evaluations, cost."""
        import pandas as pd

        yield from self.settled()
        rows: list[dict[str, Any]] = []
        after: str | None = None
        while True:
            answer = yield from self._call("GET", "/systems", query={"limit": _PAGE, "after": after})
            rows += answer.data
            after = _next_page(answer)
            if after is None:
                return pd.DataFrame(rows)

    def predict(self, points: Points | None = None) -> Steps[pd.DataFrame]:
        """Predicts the value with all that is known, one row for each point: what describes it, ``mean`` and ``deviation``.

        Args:
            points: A mapping of parameters, several of them, a frame of them, structures of ASE or pymatgen, or candidates and
                their ids, 500 at most; None: all candidates, where there are 20,000 at most.

        Raises:
            ConfigurationError: There is no model or no value yet, or the space cannot express a point.
            NotFoundError: There is no such candidate.
        """
        return _frame_of((yield from self._at("/predictions", points)), *_PREDICTED)

    def acquisition(self, points: Points | None = None) -> Steps[pd.DataFrame]:
        """Scores points as the next proposal would: what describes each, and ``acquisition``; the highest is proposed.

        Arguments and errors are those of :meth:`predict`. Every point is scored, also one that is not proposed again.
        """
        rows = yield from self._at("/acquisitions", points)
        return _frame_of([row | {"acquisition": _score(row["acquisition"])} for row in rows], "acquisition")

    def _at(self, route: str, points: Points | None) -> Steps[list[dict[str, Any]]]:
        """Answers about points, or about all candidates."""
        yield from self.settled()
        body = {"points": None if points is None else [_as_json(item) for item in points_of(points)]}
        found: list[dict[str, Any]] = (yield from self._call("POST", route, body=body)).data
        return found

    def slices(self) -> Steps[pd.DataFrame]:
        """Predicts along each parameter through the best candidate: ``along``, the parameters, ``mean`` and ``deviation``.

        Raises:
            ConfigurationError: There is no model or no value yet, no parameters describe the candidates, or there are several
                objectives.
        """
        from tansaku_client.frames import slices_frame

        yield from self.settled()
        rows = (yield from self._call("GET", "/slices")).data
        named = [row | {"candidate": str(place)} for place, row in enumerate(rows)]
        return slices_frame([row["along"] for row in rows], _frame_of(named, *_PREDICTED))

    def importance(self) -> Steps[pd.Series[float]]:
        """Shares of the variance that groups of features cause in the model of the last fit, the largest first.

        Raises:
            ConfigurationError: Nothing was fitted yet.
        """
        from tansaku_client.frames import importance_series

        yield from self.settled()
        rows = (yield from self._call("GET", "/importance")).data
        return importance_series({row["group"]: row["share"] for row in rows})

    def hull(self) -> Steps[Hull]:
        """The phase diagram of the results and given phases: ``frame``, ``stable``; energies above the hull [eV/atom].

        Raises:
            ConfigurationError: Nothing has an energy yet, or an element has no phase of its own.
        """
        yield from self.settled()
        found = (yield from self._call("GET", "/hull")).data
        return Hull(tuple(found["elements"]), found["phases"], found["left_out"])

    def plot(self, path: str | Path) -> Steps[Path]:
        """Writes the server's drawing of the best value so far against evaluations and cost.

        Args:
            path: File that ends in ``.png`` or ``.svg``.

        Raises:
            ConfigurationError: It has another ending or cannot be written, or nothing has a value yet.
        """
        path = path_of("plot", path)
        form = path.suffix.removeprefix(".")
        if form not in _FORMS:
            raise ConfigurationError(f"plot: {str(path)!r} ends in neither .png nor .svg")
        yield from self.settled()
        answer = yield from self._call("GET", "/drawings/convergence", query={"form": form})
        try:
            path.write_bytes(answer.content)
        except OSError as error:
            raise ConfigurationError(f"{str(path)!r} cannot be written: {error.strerror}") from error
        return path

    def structure(self, candidate: Candidate | str | int, form: str | None, of: str) -> Steps[Any]:
        """A structure: of ASE for no form, else as text."""
        found, query = named("structure", candidate), {"form": form or "extxyz", "of": of}
        if isinstance(found, int):
            answer = yield from self._call("GET", f"/evaluations/{found}/structure", query=query)
        else:
            answer = yield from self._call("GET", "/structure", query={"candidate": found, **query})
        text = answer.content.decode()
        return _atoms(text) if form is None else text

    # What is changed.

    def steer(
        self, kind: str, candidates: Sequence[Candidate | str], *, changes: Mapping[str, Any], request_id: str | None
    ) -> Steps[dict[str, Any]]:
        """Stores a command; an edit starts from the campaign as it is now. Returns the command as stored."""
        key, changes = key_of(request_id), changes_of(changes)
        seen = (yield from self._call("GET", "")).headers["etag"] if changes else None
        named = [id_of(kind, item) for item in candidates]
        body = {"kind": kind, "candidates": named, "changes": changes}
        headers = {} if seen is None else {"If-Match": seen}
        found: dict[str, Any] = (yield from self._call("POST", "/commands", body=body, key=key, headers=headers)).data
        return found


def proposed(asked: Mapping[str, Any]) -> list[Proposed]:
    """The proposals that wait, and the candidates of which a descriptor is to be measured."""
    rows = [
        Proposed(
            id=item["candidate"],
            cells=item["cells"],
            number=item["number"],
            why=item["why"],
            mean=item["prediction"],
            deviation=item["uncertainty"],
            others={name: (of["prediction"], of["uncertainty"]) for name, of in item["others"].items()},
            cost=item["cost"],
            level=item.get("level"),
        )
        for item in asked["waiting"]
    ]
    offer = asked["descriptor"]
    if offer is None:
        return rows
    why = f"its {offer['column']} is expected to gain more per price than a value"
    return rows + [Proposed(item, {}, None, why, measure=offer["column"]) for item in offer["candidates"]]


def _row(evaluation: Evaluation) -> dict[str, Any]:
    """An evaluation as frames have it; a mark that other campaigns have is no column."""
    row = evaluation.model_dump(exclude={"cells"})
    return {name: cell for name, cell in row.items() if name not in _MARKS or cell is not None}


def _atoms(text: str) -> Any:  # noqa: ANN401 - ASE need not be there
    """The structure of ASE that extended XYZ describes. Raises ConfigurationError where ASE is not installed."""
    try:
        files = import_module("ase.io")
    except ImportError as error:
        raise ConfigurationError("structure: ase is not installed; form='extxyz' or 'cif' gives the text of a file") from error
    return files.read(io.StringIO(text), format="extxyz")


def _frame_of(rows: Sequence[Mapping[str, Any]], *columns: str) -> pd.DataFrame:
    """Points of the server as a frame."""
    from tansaku_client.frames import points_frame

    said = {name: [row[name] for row in rows] for name in columns}
    return points_frame([row["candidate"] for row in rows], [row["cells"] for row in rows], said)


def _score(score: float | None) -> float:
    """An acquisition value; that of a point that is never proposed is not in JSON."""
    return -math.inf if score is None else score


def _enough(asked: Mapping[str, Any], wanted: int, values_only: bool) -> bool:
    return len(asked["waiting"]) >= wanted or (asked["descriptor"] is not None and not values_only)


def _looks(timeout: float) -> Iterator[Pause]:
    """Pauses between looks at the server, until the time is over."""
    until, wait = time.monotonic() + timeout, FIRST_WAIT
    while time.monotonic() < until:
        yield Pause(wait)
        wait = min(1.5 * wait, _LONGEST_LOOK)


def _next_page(answer: Answer) -> str | None:
    """The ``after`` of the next page, which the header Link names."""
    address = answer.headers.get("link", "").partition(">")[0].removeprefix("<")
    return next(iter(parse_qs(urlsplit(address).query).get("after", ())), None)


def _text_of(spec: str | Path | Mapping[str, Any]) -> str:
    """A campaign file as text, from its path, its text, or its keys."""
    if isinstance(spec, Mapping):
        return json.dumps(spec)
    return spec if is_text(spec) else _content_of("spec", spec).decode()


def _content_of(verb: str, path: str | Path) -> bytes:
    """Content of a file. Raises ConfigurationError."""
    try:
        return path_of(verb, path).read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{str(path)!r} cannot be read: {error.strerror}") from error


def _report(row: Proposed | Values, value: float | None, facts: Mapping[str, object]) -> dict[str, Any]:
    """The body of a report."""
    import pandas as pd

    if isinstance(row, Proposed):
        report = {"rows": [plain_cells(cells) for cells in row.report(value, facts)]}
        return report | ({"strict": True} if facts.keys() - _FACTS else {})  # servers of before do not know it
    refuse_beside_a_report(value, facts)
    if isinstance(row, str | Path):
        return {"csv": _content_of("tell", row).decode()}
    if isinstance(row, pd.DataFrame):
        return {"rows": [plain_cells(cells) for cells in of_frame(row)]}
    if isinstance(row, Mapping):
        return {"rows": [plain_cells(cells) for cells in by_number(row)]}
    rows = [cells for cells in row if isinstance(cells, Mapping)] if isinstance(row, Sequence) else []
    if not isinstance(row, Sequence) or len(rows) < len(row):
        raise ConfigurationError(f"{reprlib.repr(row)}; expected a row of `ask()`, a frame, rows, values by number or a file")
    return {"rows": [plain_cells(cells) for cells in rows]}


def _as_json(point: str | dict[str, object] | StructurePoint) -> str | dict[str, object]:
    return point.model_dump() if isinstance(point, StructurePoint) else point
