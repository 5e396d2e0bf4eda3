"""Answers of a server. Fields of newer servers are kept: ``model_dump()`` has all of an answer."""

from __future__ import annotations

from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict

OVER = frozenset({"FINISHED", "STOPPED", "CANCELLED"})
"""States of campaigns that have ended."""


def with_unit(number: str, unit: str) -> str:
    """A number with its unit; a plain number, whose unit is ``1``, stands alone."""
    return number if unit == "1" else f"{number} {unit}"


class Received(BaseModel):
    """Base class of answers."""

    model_config = ConfigDict(frozen=True, extra="allow")


class Best(Received):
    """The best value.

    Attributes:
        number: Of the proposal.
        candidate: That has it.
        value: [the objective's unit]
    """

    number: int
    candidate: str
    value: float


class Headline(Received):
    """The best of a campaign.

    Attributes:
        search: None before the first value.
        unit: The objective's.
        front: Candidates on the front; None where there is one objective, or no value yet.
    """

    search: Best | None = None
    unit: str
    front: int | None = None


class Status(Received):
    """The status of a campaign.

    Attributes:
        stop_reason: Why nothing more is proposed; None where that is not known.
        driver: Who drives it now, or None.
        waiting: Numbers of proposals that wait for values.
        words: The same in words, as tansaku says it; None: the server is older.
    """

    name: str
    state: str
    stop_reason: str | None = None
    evaluations: int
    done: int
    failed: int
    active: int
    cost: float
    headline: Headline
    driver: str | None = None
    waiting: tuple[int, ...] = ()
    words: str | None = None

    @property
    def over(self) -> bool:
        """Whether the campaign has ended."""
        return self.state in OVER

    def describe(self) -> str:
        """The status in words."""
        if self.words is not None:
            return self.words
        best = self.headline.search
        value = "" if best is None else with_unit(f"{best.value:.6g}", self.headline.unit)
        found = "" if best is None else f"; best so far {value} ({best.candidate})"
        why = "" if self.stop_reason is None else f" ({self.stop_reason})"
        counts = f"evaluations {self.evaluations}: {self.done} done, {self.failed} failed, {self.active} in progress"
        return f"{self.name}: {self.state}{why}\n  {counts}{found}"

    def __str__(self) -> str:
        return self.describe()


class Evaluation(Received):
    """An evaluation; further columns are those of results.

    Attributes:
        round: Number of the proposal.
        cells: Description of the candidate.
    """

    round: int
    candidate: str
    system: str
    state: str
    value: float | None
    cells: dict[str, str | float] | None = None


class Line(Received):
    """A campaign in the list of all; of one that cannot be read, only the name."""

    name: str
    state: str | None = None
    best: float | None = None
    unit: str | None = None


class Receipt(Received):
    """The result of storing a report.

    Attributes:
        command: Id under which it is stored; None: it says nothing new.
        new: Numbers of new values, repeats, corrections, failures and other kinds.
        known: Lines whose measurement was stored before.
        applied: Whether the values count already; otherwise the campaign's next driver applies them.
    """

    campaign: str
    command: str | None = None
    new: dict[str, int]
    known: tuple[int, ...] = ()
    applied: bool = False


class Attachment(Received):
    """A photo or file that is kept with a reported value.

    Attributes:
        report: Id of the report of the value.
        candidate: Whose value it is.
        media: Type of a photo's content; None: any file.
        size: Bytes.
    """

    report: str
    candidate: str
    name: str
    media: str | None = None
    sha256: str
    size: int


class RunRequest(Received):
    """A request to run a campaign.

    Attributes:
        outlook: What became of it, in words.
    """

    id: str
    state: str
    reason: str = ""
    ended_at: AwareDatetime | None = None
    outlook: str = ""

    @property
    def ended(self) -> bool:
        """Whether nothing more comes of it."""
        return self.state in ("ended", "refused")


class Check(Received):
    """A check of a campaign file: ``valid`` with facts, ``invalid`` with problems, or ``failed``."""

    id: str
    state: str
    problems: list[dict[str, Any]] = []
    facts: list[dict[str, Any]] = []

    def describe(self) -> str:
        """The check in words."""
        facts = [f"  {fact['title']}: {fact['text']}" for fact in self.facts]
        problems = ("  " + ": ".join(filter(None, (item["key"], item["message"]))) for item in self.problems)
        return "\n".join([self.state, *facts, *problems])


class Created(Received):
    """A created campaign; ``new`` is false where it existed with the same spec."""

    name: str
    new: bool


class User(Received):
    """Whom the token belongs to, and what it allows."""

    name: str
    role: str
