"""Stores what people and robots ask of a campaign: proposals, reports of values, releases; each is one command."""

from __future__ import annotations

import math
import statistics
import uuid
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from numbers import Integral
from pathlib import Path

from pydantic import Field

from tansaku.models.domain.authors import Actor
from tansaku.models.domain.errors import (
    ConfigurationError,
    NotFoundError,
    OvertakenError,
    StoreError,
    SurpriseError,
    TransientError,
)
from tansaku.models.domain.identifiers import short_hash, shown
from tansaku.models.domain.measurements import Reported, further_values, reports_of
from tansaku.models.domain.ports import CampaignStore, Space
from tansaku.models.domain.records import CampaignRecord, Command, Evaluation, JsonDict, MeasuringKind, Proposal, Record
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.states import EvaluationState
from tansaku.models.domain.wording import counted, significant, with_unit
from tansaku.spaces.space_registry import open_space
from tansaku.tasks.act.measurements.judging import DoneOtherwise, Judged, judge
from tansaku.tasks.act.measurements.report_file import Report, ReportError
from tansaku.tasks.backends.stores.campaigns import refuse_reserved, stored_spec
from tansaku.tasks.loop.ledger.summaries import summary_of
from tansaku.tasks.loop.steps.reports import proposed_on

MOST_ASKED = 1000
SURPRISING = 4.0
"""Distance of a value from its prediction, in standard deviations, from which on somebody is to confirm it."""

FAR = 5.0
"""Distance of a value without a prediction from the known ones, in their range, from which on somebody is to confirm it."""

_FEWEST = 3
"""Values from which on their range is compared with."""

_TRUSTED = 10
"""Values from which on the model's own deviations are believed; before, what is known spreads at least as all values do."""

_UNREAD = "unread"
"""Key of a report's payload: columns that nothing reads, so that each is listed once."""

_TRIES = 20  # of a report, while others are stored at the same moment

_SENT = "sent"
"""Key of a report's payload: hash of what came under an id, so that nothing else passes for it."""


class Correction(Record):
    """A value that a report replaces.

    Attributes:
        number: Of the proposal.
        candidate: Its candidate.
        old: The value so far; None: it had failed.
        others: Further measured quantities so far, by name.
        proposed_on_it: Numbers of the proposals that were chosen when the old value was known.
    """

    number: int
    candidate: str
    old: float | None
    others: dict[str, float] = Field(default_factory=dict)
    proposed_on_it: tuple[int, ...]


class Receipt(Record):
    """Result of storing a report.

    Attributes:
        campaign: Name of the campaign.
        command: Id of the stored command; None: the report says nothing new.
        new: Numbers of new ``values``, ``repeats``, ``corrections``, ``failures``, ``descriptors`` and ``off_pool`` candidates.
        known: Lines whose measurement was stored before.
        empty: Lines without a value.
        ignored: Columns that are not read, and that no earlier report had.
        otherwise: Values that were measured at other conditions than proposed.
        corrections: Values that are replaced.
        applied: Whether the values count already; otherwise the driver of the campaign applies them next.
    """

    campaign: str
    command: str | None
    new: dict[str, int]
    known: tuple[int, ...] = ()
    empty: tuple[int, ...] = ()
    ignored: tuple[str, ...] = ()
    otherwise: tuple[DoneOtherwise, ...] = ()
    corrections: tuple[Correction, ...] = ()
    applied: bool = False

    def describe(self) -> str:
        """Describes the receipt."""
        words = {kind: (kind.removesuffix("s"), kind) for kind in self.new} | {
            "off_pool": ("candidate that the space did not list", "candidates that the space did not list")
        }
        said = ", ".join(counted(count, *words[kind]) for kind, count in self.new.items()) or "nothing new"
        lines = [f"{self.campaign}: {said}"]
        if self.known:
            lines.append(f"  known already: {_lines(self.known)}")
        if self.empty:
            lines.append(f"  without a value: {_lines(self.empty)}")
        if self.ignored:
            lines.append(f"  columns that are not read: {', '.join(self.ignored)}")
        lines += [f"  {item.describe()}" for item in self.otherwise]
        for item in self.corrections:
            on_it = f"; proposals made on the old value: {_listed(item.proposed_on_it)}" if item.proposed_on_it else ""
            old = "a failure" if item.old is None else f"{item.old:.6g}"
            old += "".join(f", {name} {value:.6g}" for name, value in item.others.items())
            lines.append(f"  corrected: proposal {item.number} ({item.candidate}), was {old}{on_it}")
        if self.command is not None and not self.applied:
            lines.append("  stored; the driver of the campaign takes it next")
        return "\n".join(lines)


@dataclass(frozen=True)
class OpenedCampaign:
    """A manual campaign at one moment.

    Attributes:
        record: As stored.
        spec: With the candidates that reports described.
        evaluations: In proposal order.
    """

    record: CampaignRecord
    spec: CampaignSpec
    space: Space
    evaluations: Sequence[Evaluation]


def open_manual(store: CampaignStore, name: str) -> OpenedCampaign:
    """Reads a campaign whose values are reported.

    Raises:
        NotFoundError: No campaign of this name is stored.
        ConfigurationError: Its values are computed.
        StoreError: It is being deleted.
    """
    record, spec = _manual(store, name)
    return OpenedCampaign(record, spec, open_space(spec.space, Path(record.base_path)), store.evaluations(name))


def _manual(store: CampaignStore, name: str) -> tuple[CampaignRecord, CampaignSpec]:
    """Record and spec of a campaign whose values are reported; errors as of :func:`open_manual`."""
    record = store.campaign(name)
    return record, refuse_computed(record)


def refuse_computed(record: CampaignRecord) -> CampaignSpec:
    """Returns the spec of a campaign whose values are reported; errors as of :func:`open_manual`."""
    refuse_reserved(record)
    spec = stored_spec(record)
    if not spec.manual:
        name = record.name
        kind = "the table holds them" if spec.calculator is None else f"calculator {spec.calculator.type} computes them"
        raise ConfigurationError(
            f"campaign {name!r}: its values are not reported, {kind}", hint="a campaign with calculator: {type: manual} asks"
        )
    return spec


def store_ask(
    store: CampaignStore,
    actor: Actor,
    name: str,
    count: int | None,
    identifier: str | None = None,
    *,
    values_only: bool = False,
) -> Command:
    """Stores how many proposals are to wait, once for each identifier; arguments and errors as of :func:`ask`."""
    if count is not None and not (isinstance(count, Integral) and not isinstance(count, bool) and 1 <= count <= MOST_ASKED):
        raise ConfigurationError(f"count: {shown(count)} proposals; expected a whole number from 1 to {MOST_ASKED}")
    record, _ = _manual(store, name)
    sent = _sent_before(record, identifier, "ask")
    if sent is not None:
        if count not in (None, sent.payload.get("count")) or values_only != bool(sent.payload.get("values")):
            raise StoreError(f"request {identifier!r} of campaign {name!r} asked for something else; expected a new id")
        return sent
    if count is None:
        earlier = [command.payload.get("count") for command in record.commands if command.kind == "ask"]
        count = next((int(item) for item in reversed(earlier) if item), None)
    payload: JsonDict = {} if count is None else {"count": int(count)}
    if values_only:
        payload["values"] = True
    return _store(store, actor, name, "ask", payload, identifier or f"ask-{uuid.uuid4().hex}")


def batch_of(opened: OpenedCampaign, identifier: str) -> tuple[int, ...] | None:
    """Numbers of the proposals that a request brought, ended ones among them; None: it is new, or not all are there yet.

    They are those that waited when it was stored, and as many of the next ones as were missing. What was reported or released
    before did not wait any more, although a driver may have applied that later.

    Args:
        identifier: Of the request.
    """
    commands = opened.record.commands
    place = next((place for place, item in enumerate(commands) if item.id == identifier and item.kind == "ask"), None)
    if place is None or (asked := commands[place]).applied_at_number is None:
        return None
    ended = _ended_by(commands[:place])
    ordered = sorted(opened.evaluations, key=lambda item: item.proposal.number)
    before = [item for item in ordered if item.proposal.number < asked.applied_at_number]
    known = [item for item in before if not ended & {item.proposal.number, item.proposal.candidate}]
    waited = [item for item in known if item.finished_at is None or item.finished_at > asked.created_at]
    missing = max(int(asked.payload.get("count") or opened.spec.execution.in_flight) - len(waited), 0)
    later = [item for item in ordered if item.proposal.number >= asked.applied_at_number][:missing]
    return tuple(item.proposal.number for item in (*waited, *later)) if len(later) == missing else None


def _ended_by(commands: Iterable[Command]) -> set[str | int]:
    """Numbers of the proposals that reports and releases end, and candidates whose value nobody had asked for."""
    ended: set[str | int] = set()
    for command in commands:
        if command.kind == "retry":
            ended.clear()  # they may wait again
        elif command.kind == "release":
            ended.update(command.payload["numbers"])
        elif command.kind == "tell":
            for report in reports_of(command.payload):
                ended.update((*report.instead, report.candidate if report.number is None else report.number))
    return ended


def store_release(
    store: CampaignStore, actor: Actor, name: str, numbers: Sequence[int], identifier: str | None = None
) -> Command:
    """Stores that nobody will measure some proposals now; `retry` lets one wait again.

    Raises:
        NotFoundError: A number is not waiting.
    """
    opened = open_manual(store, name)
    waiting = {item.proposal.number for item in opened.evaluations if not item.state.terminal}
    strangers = [number for number in numbers if number not in waiting]
    if strangers:
        listed = _listed(tuple(sorted(waiting))) if waiting else "none"
        raise NotFoundError(f"campaign {name!r}: proposal {strangers[0]} is not waiting; waiting: {listed}")
    return _store(store, actor, name, "release", {"numbers": sorted(set(numbers))}, identifier or f"release-{uuid.uuid4().hex}")


def store_report(
    store: CampaignStore, actor: Actor, name: str, report: Report, identifier: str | None = None, *, confirmed: bool = True
) -> Receipt:
    """Stores a report as one command that the next driver applies; further arguments and errors as of :func:`tell`.

    Args:
        confirmed: Whether values are stored however far they are from what was expected.

    Raises:
        SurpriseError: A value is far from what was expected, and not confirmed.
    """
    for _ in range(_TRIES):
        with suppress(OvertakenError):  # what was reported meanwhile may be of the same candidate
            return _stored_report(store, actor, open_manual(store, name), report, identifier, confirmed=confirmed)
    raise TransientError(f"campaign {name!r}: other reports are being stored; try again")


def _stored_report(
    store: CampaignStore, actor: Actor, opened: OpenedCampaign, report: Report, identifier: str | None, *, confirmed: bool
) -> Receipt:
    """Judges a report by what is stored, and stores it unless another one was stored meanwhile. Raises OvertakenError."""
    name, sent = opened.record.name, short_hash([[row.cells for row in report.rows], report.units])
    earlier = _sent_before(opened.record, identifier, "tell")
    if earlier is not None:
        if earlier.payload.get(_SENT, sent) != sent:
            raise StoreError(f"request {identifier!r} of campaign {name!r} reported something else; expected a new id")
        return _known_receipt(name, earlier)
    pending = _pending(opened.record)
    said = {name for command in opened.record.commands for name in command.payload.get(_UNREAD, ())}
    judged = judge(opened.spec, opened.space, opened.evaluations, report, said)
    found = _receipt(opened, judged)
    if not judged.reports:
        return found
    if not confirmed:
        _refuse_surprises(opened, judged)
    payload: JsonDict = {"reports": [item.model_dump(mode="json", exclude_none=True) for item in judged.reports]}
    # A descriptor that is corrected there and back is another report each time.
    earlier_commands = [len(opened.record.commands)] if any(item.descriptors for item in judged.reports) else []
    chosen = identifier or f"tell-{short_hash([name, payload, *earlier_commands])}"
    same = next((item for item in pending if item.payload["reports"] == payload["reports"]), None)
    if same is not None and identifier is not None and not earlier_commands:
        return _known_receipt(name, same)
    _refuse_overlap(pending, judged, chosen)
    if identifier is not None:
        payload[_SENT] = sent
    if judged.ignored:
        payload[_UNREAD] = list(judged.ignored)
    known = sum(command.kind == "tell" for command in opened.record.commands)
    store.add_command(name, _command(actor, "tell", payload, chosen), known)
    return found.model_copy(update={"command": chosen})


def _known_receipt(name: str, command: Command) -> Receipt:
    """The receipt of a report that was stored before."""
    return Receipt(campaign=name, command=command.id, new={}, applied=command.applied_at_number is not None)


def _pending(record: CampaignRecord) -> list[Command]:
    """Reports that the driver of a campaign is still to apply."""
    return [command for command in record.commands if command.kind == "tell" and command.applied_at_number is None]


def pending_numbers(record: CampaignRecord) -> set[int]:
    """Numbers of the proposals of which a report is stored that is still to be applied."""
    reports = (report for command in _pending(record) for report in reports_of(command.payload))
    return {number for report in reports for number in _about(report) if isinstance(number, int)}


def expected_after(opened: OpenedCampaign) -> float:
    """Number of the proposal after which predictions mean something: two values differ by then; infinity: none yet.

    One value does not say how far others are from it.
    """
    values: set[float] = set()
    for item in opened.evaluations:
        if item.outcome is not None and item.outcome.value is not None:
            values.add(item.outcome.value)
        if len(values) > 1:
            return item.proposal.number
    return math.inf


def _refuse_surprises(opened: OpenedCampaign, judged: Judged) -> None:
    """Refuses values far from the predictions with which their candidates were proposed, or without one far from all others."""
    proposals = {item.proposal.number: item.proposal for item in opened.evaluations}
    usual = getattr(opened.spec.calculator, "deviation", None)
    found, known_from = [], expected_after(opened)
    for report in judged.reports:
        proposal = None if report.number is None else proposals[report.number]
        level = _level_of(report, proposals)
        unit = opened.spec.unit_at(level)
        outcomes = [item.outcome for item in opened.evaluations if item.proposal.level == level and item.outcome is not None]
        known = [outcome.value for outcome in outcomes if outcome.value is not None]
        reported = [*known, *_reported(_pending(opened.record), proposals, level)]
        spread = statistics.pstdev(known) if 0 < len(known) < _TRUSTED else 0.0
        expected = None
        if proposal is not None and proposal.number > known_from and proposal.predicted_mean is not None:
            expected = (proposal.predicted_mean, proposal.predicted_deviation) if proposal.predicted_deviation else None
        for item, line in zip(report.measurements, judged.lines.get((report.candidate, report.number), ()), strict=True):
            if expected is None:
                said = _far_from_all(item.value, reported, unit)
            else:
                width = math.hypot(max(expected[1], spread), item.deviation or usual or 0.0)
                said = _far_from_expected(item.value, expected, width, unit)
            number = report.number or next(iter(report.instead), None)
            who = f"line {line}" if number is None else f"proposal {number}"
            found += [f"{who}: {said}"] if said else []
    if found:
        raise SurpriseError("; ".join(found))


def _far_from_expected(value: float | None, expected: tuple[float, float], width: float, unit: str) -> str:
    """Describes how many widths a value is from an expected one with its deviation; empty: not far, or it has failed."""
    apart = 0.0 if value is None else abs(value - expected[0]) / width
    if apart <= SURPRISING:
        return ""
    expects = with_unit(significant(*expected), unit)
    return f"{with_unit(f'{value:.6g}', unit)} is {apart:.0f} standard deviations from what is expected, {expects}"


def _level_of(report: Reported, proposals: Mapping[int, Proposal]) -> str | None:
    return None if report.number is None else proposals[report.number].level


def _reported(pending: Sequence[Command], proposals: Mapping[int, Proposal], level: str | None) -> list[float]:
    """Values at a level in reports that are still to be applied."""
    reports = (report for command in pending for report in reports_of(command.payload))
    at = (report for report in reports if _level_of(report, proposals) == level)
    return [item.value for report in at for item in report.measurements if item.value is not None]


def _far_from_all(value: float | None, known: Sequence[float], unit: str) -> str:
    """Describes how far a value without a prediction is from the known ones; empty: not far, or too few are known."""
    if value is None or len(known) < _FEWEST:
        return ""
    low, high = min(known), max(known)
    apart = max(low - value, value - high)
    if high == low or apart <= FAR * (high - low):
        return ""
    return (
        f"{with_unit(f'{value:.6g}', unit)} is far from all others, {low:.6g} to {with_unit(f'{high:.6g}', unit)}: "
        f"{apart / (high - low):.0f} times as far as these are from each other"
    )


def _refuse_overlap(pending: Sequence[Command], judged: Judged, chosen: str) -> None:
    """Refuses a report about a candidate for which another unapplied report waits."""
    theirs = {of for command in pending if command.id != chosen for item in reports_of(command.payload) for of in _about(item)}
    both = [f"{item.candidate!r}: another report of it is still to be applied; try again" for item in judged.reports]
    refused = [problem for problem, item in zip(both, judged.reports, strict=True) if theirs & _about(item)]
    if refused:
        raise ReportError(refused)


def _about(report: Reported) -> set[str | int]:
    """The candidate and the proposals that a report is about."""
    return {report.candidate, *report.instead, *([] if report.number is None else [report.number])}


def _receipt(opened: OpenedCampaign, judged: Judged) -> Receipt:
    by_number = {item.proposal.number: item for item in opened.evaluations}
    states: dict[str, EvaluationState] = {item.proposal.candidate: item.state for item in opened.evaluations}
    replaced = [by_number[item.number] for item in judged.reports if item.replaces and item.number is not None]
    summaries = [summary_of(item) for item in opened.evaluations] if replaced else []
    corrections = tuple(
        Correction(
            number=item.proposal.number,
            candidate=item.proposal.candidate,
            old=None if item.outcome is None else item.outcome.value,
            others=further_values(item.outcome),
            proposed_on_it=tuple(proposed_on(summaries, item.finished_at)),
        )
        for item in replaced
    )
    return Receipt(
        campaign=opened.record.name,
        command=None,
        new=judged.counts(states),
        known=judged.known,
        empty=judged.empty,
        ignored=judged.ignored,
        otherwise=judged.otherwise,
        corrections=corrections,
    )


def _store(store: CampaignStore, actor: Actor, name: str, kind: MeasuringKind, payload: JsonDict, identifier: str) -> Command:
    command = _command(actor, kind, payload, identifier)
    store.add_command(name, command)
    return command


def _sent_before(record: CampaignRecord, identifier: str | None, kind: MeasuringKind) -> Command | None:
    """The command that a request stored before; None: it is new. Raises StoreError where it is of another kind."""
    earlier = next((item for item in record.commands if item.id == identifier), None)
    if earlier is not None and earlier.kind != kind:
        raise StoreError(f"command {identifier} of campaign {record.name!r} is another one: {earlier.kind}")
    return earlier


def _command(actor: Actor, kind: MeasuringKind, payload: JsonDict, identifier: str) -> Command:
    if not isinstance(identifier, str):
        raise ConfigurationError(f"request_id: {shown(identifier)}; expected a text")
    return Command(id=identifier, kind=kind, payload=payload, user=actor.name, created_at=datetime.now(UTC))


def _lines(numbers: tuple[int, ...]) -> str:
    return f"{'line' if len(numbers) == 1 else 'lines'} {_listed(numbers)}"


def _listed(numbers: Sequence[int], most: int = 12) -> str:
    first = ", ".join(str(number) for number in numbers[:most])
    return first if len(numbers) <= most else f"{first} and {len(numbers) - most} more"
