"""Checks, rehearsals and what pages asked, in progress, and the latest results, by the content of the request."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from tansaku import __version__
from tansaku.models.domain.accounts import Actor
from tansaku.models.domain.errors import ConfigurationError, TansakuError
from tansaku.models.domain.identifiers import content_hash
from tansaku.models.domain.library import LibraryFile
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.wording import counted
from tansaku.tasks.act.checks.check import NO_CALCULATOR, CampaignPreview
from tansaku.tasks.act.checks.policy import Admitted
from tansaku.tasks.act.checks.rehearse import BudgetRehearsal
from tansaku.tasks.act.checks.request import CheckProgress, ComparisonRequest, RehearsalRequest, TableSize
from tansaku.tasks.act.checks.sandbox import UnwantedError, Watch
from tansaku.tasks.act.commands.create_web import CampaignDesk, problems_of

_SHOWN = 5  # first evaluations
_FEW_FILES = 3
_UNITS = ((86400.0, "d"), (3600.0, "h"), (60.0, "min"), (1.0, "s"))


class Fact(BaseModel):
    """A line in the result of a check."""

    title: str = Field(examples=["Cost"])
    text: str = Field(examples=["at most 1,200 core-seconds, 1.55 % of the 77,400 core-seconds that all candidates would cost"])


def facts_of(preview: CampaignPreview, in_flight: int, files: Sequence[LibraryFile]) -> list[Fact]:
    """Facts about a campaign: what it would search, run and cost, and how long it would take.

    Args:
        in_flight: Evaluations that it has in progress at once.
        files: Of the library, that it names.
    """
    known = {
        "Pool": _pool(preview),
        "Known": preview.known_in_words,
        "Budget buys": _bought(preview),
        "Cost": _cost(preview),
        "Time": _time(preview, in_flight),
        "Proposer": f"{preview.proposer}, {counted(preview.designed, 'initial evaluation')}",
        "Engine": preview.engine or "",
        "Stops": preview.stop or "",
        "Calculator": preview.calculator or NO_CALCULATOR,
        "First evaluations": "; ".join(preview.conditions) or preview.first_in_words(_SHOWN),
        "Crystal": preview.crystal or "",
    }
    found = [Fact(title=title, text=text) for title, text in known.items() if text]
    found += [Fact(title="Note", text=note) for note in preview.notes]
    return found + _files(files) + [Fact(title="Learns from", text=line) for line in preview.transfer]


def _pool(preview: CampaignPreview) -> str:
    """Describes the pool; a single search problem goes without saying."""
    systems = len(preview.systems)
    parts = [counted(preview.candidates, "candidate")]
    parts += [counted(preview.surfaces, "surface")] if preview.surfaces > systems else []
    return " · ".join([*parts, *([counted(systems, "system")] if systems > 1 else [])])


def _bought(preview: CampaignPreview) -> str:
    expected = counted(preview.expected_evaluations, "evaluation")
    same = preview.expected_evaluations == preview.most_evaluations
    return expected if same else f"about {expected}, at most {preview.most_evaluations:,}"


def _files(files: Sequence[LibraryFile]) -> list[Fact]:
    """The files, with their content where there are few of them."""
    if len(files) <= _FEW_FILES:
        return [Fact(title="File", text=f"{file.name}, sha256:{file.sha256[:12]}…, uploaded by {file.user}") for file in files]
    users = ", ".join(dict.fromkeys(file.user for file in files))
    first = ", ".join(file.name for file in files[: _FEW_FILES - 1])
    return [Fact(title="Files", text=f"{len(files):,}, uploaded by {users}: {first} … {files[-1].name}")]


def _cost(preview: CampaignPreview) -> str:
    """Describes the cost that the budget allows, or of the expected evaluations; nothing where each costs the same 1."""
    if preview.cost_unit is None and preview.limit is None and preview.exhaustive_cost == preview.candidates:
        return ""
    unit = "" if preview.cost_unit is None else f" {preview.cost_unit}"
    everything = f"the {preview.exhaustive_cost:,.0f}{unit} that all candidates would cost"
    if preview.limit is None or preview.share is None:
        return f"no limit; about {_expected(preview):,.0f} of {everything}"
    return f"at most {preview.limit:,.0f}{unit}, {100 * preview.share:.3g} % of {everything}"


def _time(preview: CampaignPreview, in_flight: int) -> str:
    """Describes the time of the expected evaluations, where cost is time."""
    if preview.cost_unit is None:
        return "not known before something was measured"
    seconds = max(_expected(preview) / in_flight, 1.0)
    # The next smaller unit up to two of a unit: "90 s" says more than "2 min".
    size, unit = next((size, unit) for size, unit in _UNITS if seconds >= 2 * size or unit == "s")
    return f"about {seconds / size:.0f} {unit} with {in_flight} in flight on one core each, estimated before any measurement"


def _expected(preview: CampaignPreview) -> float:
    """Cost of the expected evaluations at the mean cost of a candidate."""
    return preview.exhaustive_cost * preview.expected_evaluations / preview.candidates


State = Literal["running", "valid", "invalid", "failed", "cancelled"]
_KEPT = 64
_ENDS_WITHIN = 5.0  # after it was cancelled, as its process is killed [s]
_MOST_PROBLEMS, _LONGEST = 50, 2000

T = TypeVar("T")


class Problem(BaseModel):
    """A problem with a key of a spec; ``line`` is a line of the text, counted from 1."""

    key: str = Field(examples=["space.translation.step"])
    line: int | None
    message: str


class NamedFile(BaseModel):
    """A file of the library that a spec names, and who uploaded it."""

    name: str
    sha256: str
    user: str


class Check(BaseModel):
    """A check, rehearsal or search.

    It is ``running``; ``valid`` with a result; ``invalid`` with problems; ``failed``: try again; or ``cancelled`` by a user.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    state: State
    problems: list[Problem] = []
    files: list[NamedFile] = []
    preview: CampaignPreview | None = None
    facts: Annotated[list[Fact], Field(description="The preview in words.")] = []
    rehearsal: BudgetRehearsal | None = None
    comparison: Annotated[
        JsonDict | None,
        Field(description="Of methods on a table: rows of a summary, curves of the gaps, and these as SVG."),
    ] = None
    search: Annotated[JsonDict | None, Field(description="The report on a table, as `tansaku sparse search` writes it.")] = None
    size: Annotated[TableSize | None, Field(description="How large the search of a table is.")] = None
    stage: Annotated[str, Field(description="Of a search.")] = ""
    done: Annotated[int, Field(description="Replays that a rehearsal has finished, or percent of a stage.")] = 0
    total: int = 0

    @property
    def ended(self) -> bool:
        """Whether there is a result."""
        return self.state != "running"


@dataclass
class _Run:
    check: Check
    ended: threading.Event = field(default_factory=threading.Event)
    wanted: bool = True
    note: object | None = None
    cancelled_by: str = ""


@dataclass(frozen=True)
class AskedComparison:
    """The comparison that a user requested.

    Attributes:
        at: When.
        name: Of the campaign in the spec.
    """

    user: str
    at: datetime
    name: str
    options: ComparisonRequest


Options = RehearsalRequest | ComparisonRequest
_KINDS = {type(None): "check", RehearsalRequest: "rehearsal", ComparisonRequest: "comparison"}


class Checks:
    """Runs checks, rehearsals and what pages ask in threads of their own. The same check is run once.

    Args:
        desk: Checks and rehearses.
    """

    def __init__(self, desk: CampaignDesk) -> None:
        self._desk = desk
        self._lock = threading.Lock()
        self._runs: OrderedDict[str, _Run] = OrderedDict()
        self._pages: OrderedDict[str, str] = OrderedDict()

    def ask(self, actor: Actor, text: str, options: Options | None = None, page: str | None = None) -> Check:
        """Begins to check a spec, to rehearse its budget or to compare methods on its table, unless that was done already.

        Args:
            text: The spec in YAML.
            options: Of a rehearsal or comparison; None: a check.
            page: Of the browser; its earlier check is abandoned. None: the check belongs to no page.
        """
        found = self._admitted(actor, text)
        if isinstance(found, Check):
            return found
        asked: object = text if options is None else [text, options.model_dump()]
        identifier = check_id(_KINDS[type(options)], actor, found.files, asked)

        def work(watch: Watch) -> Check:
            answer = self._desk.ask(actor, found, options, watch)
            preview, files = answer.preview, found.files
            return Check(
                id=identifier,
                state="valid",
                files=named_files(files),
                preview=preview,
                facts=[] if preview is None else facts_of(preview, found.spec.execution.in_flight, files),
                rehearsal=answer.rehearsal,
                comparison=answer.found,
            )

        note = None
        if isinstance(options, ComparisonRequest):
            note = AskedComparison(actor.name, self._desk.clock(), found.spec.name, options)
        return self.begin(identifier, work, None if page is None else f"{actor.name} {page}", note)

    def begin(
        self, identifier: str, work: Callable[[Watch], Check], page: str | None = None, note: object | None = None
    ) -> Check:
        """Begins something in a thread of its own, unless that was done already.

        Args:
            identifier: Of the check, as :func:`check_id` makes it.
            work: Carries it out.
            page: Of a user's browser; its earlier check is abandoned. None: it belongs to no page.
            note: By which pages find it again.
        """
        with self._lock:
            self._give_up(page, identifier)
            run = self._runs.get(identifier)
            # A check that failed for reasons outside the spec is run again.
            if run is not None and run.wanted and run.check.state != "failed":
                self._runs.move_to_end(identifier)
                return run.check
            run = self._runs[identifier] = _Run(Check(id=identifier, state="running"), note=note)
            self._runs.move_to_end(identifier)
            self._forget()
        threading.Thread(target=_carry_out, args=(run, work), name="check", daemon=True).start()
        return run.check

    def asked(self, kind: type[T]) -> list[tuple[Check, T]]:
        """Returns the checks that pages have begun with a note of a kind, the last first.

        Args:
            kind: Class of the note.
        """
        with self._lock:
            runs = list(self._runs.values())
        return [(run.check, run.note) for run in reversed(runs) if isinstance(run.note, kind)]

    def cancel(self, actor: Actor, identifier: str, kind: type[T]) -> tuple[Check, T] | None:
        """Cancels what a page has begun, and ends its process; None if nothing of this kind runs.

        Args:
            kind: Class of its note.
        """
        with self._lock:
            run = self._runs.get(identifier)
            if run is None or not isinstance(run.note, kind) or run.check.ended or run.cancelled_by:
                return None
            run.wanted, run.cancelled_by = False, actor.name
        run.ended.wait(_ENDS_WITHIN)
        return run.check, run.note

    def find(self, identifier: str, seconds: float = 0.0) -> Check | None:
        """A check; None if it is no longer known.

        Args:
            seconds: How long to wait for its end [s].
        """
        with self._lock:
            run = self._runs.get(identifier)
        if run is None:
            return None
        run.ended.wait(seconds)
        return run.check

    def _admitted(self, actor: Actor, text: str) -> Admitted | Check:
        try:
            return self._desk.admit(actor, text)
        except ConfigurationError as error:
            run = _Run(_invalid(content_hash(["refused", actor.role, text]), error))
        run.ended.set()
        with self._lock:
            self._runs[run.check.id] = run
            self._forget()
        return run.check

    def _give_up(self, page: str | None, identifier: str) -> None:
        """Abandons the earlier check of a page."""
        if page is None:
            return
        before = self._pages.pop(page, None)
        self._pages[page] = identifier
        if len(self._pages) > _KEPT:
            self._pages.popitem(last=False)
        if before is not None and before != identifier and before in self._runs and before not in self._pages.values():
            self._runs[before].wanted = False

    def _forget(self) -> None:
        for identifier in [key for key, run in self._runs.items() if run.check.ended][: max(0, len(self._runs) - _KEPT)]:
            del self._runs[identifier]


def _carry_out(run: _Run, work: Callable[[Watch], Check]) -> None:
    try:
        run.check = work(_watch(run))
    except ConfigurationError as error:
        run.check = _invalid(run.check.id, error)
    except UnwantedError:
        state: State = "cancelled" if run.cancelled_by else "failed"
        said = f"cancelled by {run.cancelled_by}" if run.cancelled_by else "another check has taken its place"
        run.check = Check(id=run.check.id, state=state, problems=[_problem(said)])
    except TansakuError as error:
        run.check = Check(id=run.check.id, state="failed", problems=[_problem(str(error))])
    finally:
        if not run.check.ended:
            run.check = Check(id=run.check.id, state="failed", problems=[_problem("an unexpected error")])
        run.ended.set()


def _invalid(identifier: str, error: ConfigurationError) -> Check:
    found = problems_of(error)[:_MOST_PROBLEMS]
    problems = [Problem(key=item.key[:_LONGEST], line=item.line, message=item.message[:_LONGEST]) for item in found]
    if error.hint:
        problems.append(_problem(error.hint))
    return Check(id=identifier, state="invalid", problems=problems)


def _watch(run: _Run) -> Watch:
    """Notes the progress of a run; returns whether it is still wanted."""

    def note(progress: CheckProgress) -> None:
        run.check = run.check.model_copy(update=progress.model_dump())

    return Watch(note, lambda: run.wanted)


def named_files(files: Sequence[LibraryFile]) -> list[NamedFile]:
    """Files as checks name them."""
    return [NamedFile(name=file.name, sha256=file.sha256, user=file.user) for file in files]


def _problem(message: str) -> Problem:
    return Problem(key="", line=None, message=message)


def check_id(kind: str, actor: Actor, files: Sequence[LibraryFile], asked: object) -> str:
    """Id of a check: the hash of everything on which its result depends.

    Args:
        asked: As JSON.
    """
    return content_hash([__version__, kind, actor.role, [file.sha256 for file in files], asked])
