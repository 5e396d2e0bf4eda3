"""Commands that apply to a campaign in each of its states: one table, which the command line, the API and the pages ask."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from tansaku.models.domain.errors import StateError
from tansaku.models.domain.records import CampaignRecord, Command, CommandKind, SteeringKind
from tansaku.models.domain.states import CampaignState

_EVERY = frozenset(CampaignState)
_OPEN = frozenset({CampaignState.NEW, CampaignState.RUNNING, CampaignState.INTERRUPTED, CampaignState.WAITING})
_ENDED = frozenset({CampaignState.FINISHED, CampaignState.STOPPED})
_STATES: Mapping[SteeringKind, frozenset[CampaignState]] = {
    "pause": _OPEN,
    "resume": _EVERY - {CampaignState.RUNNING},
    "cancel": _OPEN | {CampaignState.PAUSED, CampaignState.STOPPED},
    "edit": _EVERY,
    "retry": _OPEN - {CampaignState.NEW} | _ENDED,
    "rerun": _OPEN - {CampaignState.NEW} | _ENDED,
}
_TURNS: tuple[CommandKind, ...] = ("pause", "resume", "cancel")
"""Commands of which the last one holds; the same one again changes nothing."""


def last_of(commands: Iterable[Command], kinds: tuple[CommandKind, ...]) -> Command | None:
    """Returns the last command of some kinds, None if none was given."""
    return next((command for command in reversed([*commands]) if command.kind in kinds), None)


def is_paused(record: CampaignRecord) -> bool:
    """Returns whether the last of the commands pause and resume was pause."""
    return _is_last(record, "pause")


def is_cancelled(record: CampaignRecord) -> bool:
    """Returns whether a campaign was cancelled and not resumed since."""
    return _is_last(record, "cancel")


def _is_last(record: CampaignRecord, kind: CommandKind) -> bool:
    last = last_of(record.commands, (kind, "resume"))
    return last is not None and last.kind == kind


def commands_wait(record: CampaignRecord) -> bool:
    """Returns whether a driver has not yet applied all commands."""
    return any(command.applied_at_number is None for command in record.commands)


def judged_state(record: CampaignRecord, state: CampaignState, *, driven: bool) -> CampaignState:
    """The state by which commands are judged: what was asked for counts, also where no driver has carried it out yet.

    Args:
        record: The campaign.
        state: Its state.
        driven: Whether a driver is at work on it.
    """
    if is_cancelled(record):
        return CampaignState.CANCELLED
    if state in _ENDED and not driven and not commands_wait(record):
        return state
    if is_paused(record):
        return CampaignState.PAUSED
    if driven:
        return CampaignState.RUNNING
    return CampaignState.INTERRUPTED if state in _ENDED else state


def kinds_for(state: CampaignState) -> frozenset[SteeringKind]:
    """The commands that apply in a state."""
    return frozenset(kind for kind, states in _STATES.items() if state in states)


def repeated(
    record: CampaignRecord, kind: SteeringKind, *, driven: bool, find_state: Callable[[], CampaignState]
) -> Command | None:
    """Judges a command.

    Args:
        record: The campaign.
        kind: What is asked for.
        driven: Whether a driver is at work on it.
        find_state: Finds out the campaign's state, which takes long; called only where the record does not tell enough.

    Returns:
        The earlier command that asked for the same, where the same again changes nothing; None: the command applies.

    Raises:
        StateError: It does not apply.
    """
    known = CampaignState.CANCELLED if is_cancelled(record) else CampaignState.RUNNING if driven else None
    if known is None and _EVERY - {CampaignState.RUNNING, CampaignState.CANCELLED} <= _STATES[kind]:
        return None
    state = judged_state(record, find_state() if known is None else known, driven=driven)
    if state in _STATES[kind]:
        return None
    last = last_of(record.commands, _TURNS)
    if kind in _TURNS and last is not None and last.kind == kind:
        return last
    applies = ", ".join(known.value for known in CampaignState if known in _STATES[kind])
    held = state in (CampaignState.PAUSED, CampaignState.CANCELLED)
    hint = f"lift that first: tansaku resume {record.name}" if held else None
    raise StateError(f"campaign {record.name!r} is {state.value}; {kind} applies to campaigns that are {applies}", hint=hint)
