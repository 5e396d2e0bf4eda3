"""Events and commands of a campaign in words: when, what, and by whom; what else is stored of an event is a list."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping

from pydantic import AwareDatetime, ValidationError

from tansaku.models.domain.certificate import Certificate
from tansaku.models.domain.records import CampaignRecord, Command, Event, JsonDict, Record
from tansaku.models.domain.states import StopReason
from tansaku.models.domain.wording import counted, pretty_unit, significant, with_unit

DRIVER = "driver"
"""Author of events that no user caused."""

_MOST_NAMED = 3
_LONGEST = 500


class EventLine(Record):
    """An event as people read it.

    Attributes:
        at: When.
        what: In words; ``kind`` itself where that is not known here.
        kind: As stored.
        who: A user, or :data:`DRIVER`; empty: not known.
        number: Of the evaluation that it is about; None: of none.
        details: All stored data, as keys and texts.
    """

    at: AwareDatetime
    what: str
    kind: str
    who: str
    number: int | None
    details: tuple[tuple[str, str], ...]


def event_lines(record: CampaignRecord, events: Iterable[Event]) -> list[EventLine]:
    """Events in words, in their order.

    Args:
        events: Of it; their data may be of any shape.
    """
    commands = {command.id: command for command in record.commands}
    unit = _unit_of(record.spec)
    return [_line(event, commands, unit) for event in events]


def _unit_of(spec: JsonDict) -> str:
    """The unit of all values of a campaign; 1 if levels have units of their own, as events do not name their level."""
    objective, levels = spec.get("objective"), spec.get("levels")
    mixed = any(isinstance(level, dict) and level.get("unit") for level in levels) if isinstance(levels, list) else False
    return "1" if mixed or not isinstance(objective, dict) else pretty_unit(str(objective.get("unit", "1")))


def describe_payload(command: Command) -> str:
    """Describes what a command changes or concerns; empty for commands that concern the whole campaign."""
    payload = command.payload
    if command.kind == "edit":
        return ", ".join(f"{key} = {text_of(value)}" for key, value in payload.items())
    if command.kind == "retry" and not payload:
        return "all failed and cancelled"
    return ", ".join(_few(key, value) for key, value in payload.items())


def text_of(value: object) -> str:
    """Plain data as a short text: numbers in few digits, texts without quotes."""
    if isinstance(value, float):
        return significant(value)
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} …"


def _few(key: str, found: object) -> str:
    """Part of a command: a few names, or how many there are."""
    if not isinstance(found, list):
        return f"{key} {text_of(found)}"
    if len(found) > _MOST_NAMED or not all(isinstance(item, str | int) for item in found):
        return f"{len(found):,} {key}"
    return ", ".join(map(str, found))


def _line(event: Event, commands: Mapping[str, Command], unit: str) -> EventLine:
    data = event.data
    command = commands.get(str(data.get("command")))
    number = data.get("number")
    return EventLine(
        at=event.at,
        what=_said(event, command, unit),
        kind=event.kind,
        who=_who(event, command),
        number=number
        if event.kind.startswith(("evaluation.", "corrected", "done-otherwise", "voided")) and isinstance(number, int)
        else None,
        details=tuple((str(key), text_of(value)) for key, value in data.items()),
    )


def _who(event: Event, command: Command | None) -> str:
    user = event.data.get("user") or event.data.get("by")
    if isinstance(user, str):
        return user
    if event.kind in ("edited", "edit-refused") and command is not None:
        return command.user
    return DRIVER if event.kind.startswith(_BY_DRIVERS) else ""


def _said(event: Event, command: Command | None, unit: str) -> str:
    if event.kind.startswith("evaluation."):
        return _evaluation(event.kind.removeprefix("evaluation."), event.data, unit)
    if event.kind.startswith("command.") and event.kind != "command.applied":
        kind = event.kind.removeprefix("command.")
        about = "" if command is None else describe_payload(command)
        return f"command {kind}: {about}" if about else f"command {kind}"
    try:
        return _WORDS[event.kind](event.data, command) if event.kind in _WORDS else event.kind
    except (KeyError, TypeError, ValueError, AttributeError, ValidationError):
        return event.kind  # of a later version, or damaged: the details have all that there is


def _evaluation(state: str, data: JsonDict, unit: str) -> str:
    attempt = data.get("attempt")
    again = f", attempt {attempt}" if isinstance(attempt, int) and attempt > 1 else ""
    said = f"{text_of(data.get('candidate', ''))} {state}{again}"
    if "value" in data:
        said += f": {with_unit(text_of(data['value']), unit)}"
    if "reason" in data:
        said += f": {text_of(data['reason'])}"
    return said


def _lease(data: JsonDict, _: Command | None) -> str:
    return f"a driver begins (process {data['pid']} on {data['host']}, number {data['epoch']})"


def _applied(data: JsonDict, command: Command | None) -> str:
    return f"{'a command' if command is None else command.kind} takes effect from evaluation {data['at_number']} on"


def _edited(data: JsonDict, _: Command | None) -> str:
    changes = (f"{change['key']} {text_of(change['old'])} → {text_of(change['new'])}" for change in data["changes"])
    return f"edited from evaluation {data['at_number']} on: {', '.join(changes)}"


def _stopped(data: JsonDict, _: Command | None) -> str:
    reason = str(data["reason"])
    known = {known.value: known.words for known in StopReason}
    return f"the driver ends: {known.get(reason, reason)}"


def _certificate(data: JsonDict, _: Command | None) -> str:
    return Certificate.model_validate(data).describe()


def _transfer(data: JsonDict, _: Command | None) -> str:
    kept = "still" if data["mode"] == data["before"] else f"{data['before']} →"
    return f"transfer: {kept} {data['mode']}, from {counted(int(data['observations']), 'result')}"


def _levels(data: JsonDict, _: Command | None) -> str:
    tell = "tell of full values" if data["trusted"] else "are not known to tell of full values, so few are bought"
    evidence = f"evidence {data['evidence']:.1f} nats, {data['needed']:g} are needed"
    return f"looks {tell} ({evidence}; {counted(int(data['pairs']), 'candidate')} with both values)"


def _late(data: JsonDict, _: Command | None) -> str:
    return f"{data['candidate']}: a late result of attempt {data['attempt']} {'is' if data['adopted'] else 'is not'} used"


def _descriptor(data: JsonDict, _: Command | None) -> str:
    return f"{data['column']} of {_few('candidates', data['candidates'])} is to be measured before the next value"


def _corrected(data: JsonDict, _: Command | None) -> str:
    return f"{data['candidate']} corrected: {text_of(data['old'])} → {text_of(data['new'])}"


def _done_otherwise(data: JsonDict, _: Command | None) -> str:
    return f"{data['candidate']} was done otherwise: {data['done']}, number {data['done_as']}"


_WORDS: dict[str, Callable[[JsonDict, Command | None], str]] = {
    "lease.acquired": _lease,
    "command.applied": _applied,
    "edited": _edited,
    "edit-refused": lambda data, _: f"edit refused: {data['reason']}",
    "stopped": _stopped,
    "certificate": _certificate,
    "transfer.changed": _transfer,
    "transfer.kept": _transfer,
    "levels": _levels,
    "transfer.other_level": lambda data, _: f"learns from another level of theory: {', '.join(data['sources'])}",
    "reuse.frozen": lambda *_: "results that exist were chosen for adoption",
    "late-result": _late,
    "descriptor": _descriptor,
    "corrected": _corrected,
    "voided": lambda data, _: f"{data['candidate']} fails from evaluation {data['from_number']} on: {data['reason']}",
    "done-otherwise": _done_otherwise,
    "warning.refit": lambda data, _: f"refit {data['refit']} failed: {data['reason']}; {data['consequence']}",
    "warning.version": lambda data, _: f"created by tansaku {data['created_by']}, continued by {data['resumed_by']}",
    "warning.plugins": lambda data, _: f"results by {', '.join(data['before'])}; continued with {', '.join(data['now'])}",
    "warning.retrain": lambda data, _: f"retrain {data['retrain']} failed: {data['reason']}",
    "retrain-failed": lambda data, _: f"retrain {data['retrain']} reported: {data['reason']}",
    "target": lambda data, _: f"{data['version']}: {data['stands']}",
    "renamed": lambda data, _: f"renamed from {data['from']} to {data['to']}",
    "moved": lambda data, _: f"its folder moved from {data['from']} to {data['to']}",
    "deletion.begun": lambda *_: "its deletion began",
}
"""Description of each kind of event, from its data and the command that it is about."""

_BY_DRIVERS = (
    "evaluation.", "stopped", "certificate", "descriptor", "done-otherwise", "transfer.", "late-result", "warning.plugins",
    "warning.refit", "warning.retrain", "target", "command.applied", "voided", "levels",
)  # fmt: skip
