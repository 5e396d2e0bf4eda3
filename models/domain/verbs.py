"""Verbs, which are what users may do to a campaign: one declaration for each.

Its command, its place in the API, its button and its entries in the audit follow from it, see `docs/develop/new-verb.md`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from tansaku.models.domain.errors import StateError
from tansaku.models.domain.roles import ProjectRole
from tansaku.models.domain.states import CampaignState, EvaluationState

if TYPE_CHECKING:
    from tansaku.models.domain.records import CampaignRecord, Command, CommandKind

SteeringKind = Literal["pause", "resume", "cancel", "edit", "retry", "rerun", "reject"]
OwnerKind = Literal["rename", "share", "delete"]
ProjectKind = Literal["create", "member", "expel", "notes", "tags", "quota", "privacy", "move"]
Argument = Literal["nothing", "some candidates", "candidates", "changes"]

METAVARS: Mapping[Argument, str] = {
    "nothing": "",
    "some candidates": "[CANDIDATE]...",
    "candidates": "CANDIDATE...",
    "changes": "KEY=VALUE...",
}
"""The argument in a command's usage."""

_EVERY = frozenset(CampaignState)
_OPEN = frozenset({CampaignState.NEW, CampaignState.RUNNING, CampaignState.INTERRUPTED, CampaignState.WAITING})
_ENDED = frozenset({CampaignState.FINISHED, CampaignState.STOPPED})
_BEGUN = _OPEN - {CampaignState.NEW} | _ENDED


@dataclass(frozen=True)
class Verb:
    """A command that is stored with a campaign and applied by its driver (``tasks/loop/steps/apply_commands.py``).

    Attributes:
        does: What it does: the help of its command.
        button: Words of its button on the dashboard; empty: it has a form of its own.
        states: Of the campaigns to which it applies.
        argument: What is named with it. ``some candidates``: without any, it is for all failed and cancelled ones.
        driven: How the command drives a campaign that has no driver; ``never``: it takes effect with the next driver.
        evaluations: States of evaluations whose page has its button.
        grave: Whether its button warns.
        holds: Whether it holds until another such command; the same one again then changes nothing.
        shown: States in which its button is shown; None: all of ``states``. In others it has no use, or another button does it.
        of_measured: Whether pages of measured values have its button too.
    """

    does: str
    button: str
    states: frozenset[CampaignState]
    argument: Argument = "nothing"
    driven: Literal["never", "plain", "in a flow"] = "never"
    evaluations: frozenset[EvaluationState] = frozenset()
    grave: bool = False
    holds: bool = False
    shown: frozenset[CampaignState] | None = None
    of_measured: bool = True

    @property
    def applies_to(self) -> str:
        """The campaigns that it applies to, in words."""
        if self.states == _EVERY:
            return "campaigns in any state"
        *others, last = (state.value for state in CampaignState if state in self.states)
        return f"campaigns that are {', '.join(others)} or {last}"


VERBS: Mapping[SteeringKind, Verb] = {
    "pause": Verb(
        "Stops proposing candidates; running evaluations finish and are kept.",
        "Pause",
        _OPEN,
        holds=True,
        shown=_OPEN - {CampaignState.NEW},
    ),
    "resume": Verb(
        "Lifts a pause or a cancellation and continues the campaign.",
        "Resume",
        _EVERY - {CampaignState.RUNNING},
        driven="in a flow",
        holds=True,
        shown=frozenset({CampaignState.PAUSED, CampaignState.CANCELLED, CampaignState.STOPPED}),
    ),
    "cancel": Verb(
        "Ends a campaign and its running evaluations; `resume` reopens it.",
        "Cancel",
        _OPEN | {CampaignState.PAUSED, CampaignState.STOPPED},
        driven="plain",
        grave=True,
        holds=True,
    ),
    "retry": Verb(
        "Retries failed and cancelled evaluations (all, or those given) and continues the campaign.",
        "Retry",
        _BEGUN,
        "some candidates",
        driven="in a flow",
        evaluations=frozenset({EvaluationState.FAILED}),
    ),
    "rerun": Verb(
        "Computes finished candidates again from scratch, as new replicates; earlier results are kept.",
        "Compute once more",
        _BEGUN,
        "candidates",
        driven="in a flow",
        evaluations=frozenset({EvaluationState.DONE}),
        of_measured=False,
    ),
    "reject": Verb(
        "Counts the values of finished candidates as failures from now on; the log keeps them.",
        "Reject the value",
        _BEGUN,
        "candidates",
        driven="in a flow",
        evaluations=frozenset({EvaluationState.DONE}),
        grave=True,
    ),
    "edit": Verb(
        "Changes budget, stop rule, `in_flight`, `timeout`, `retries`, `polish` or `notes` of a stored campaign; "
        "the edit is logged.",
        "",
        _EVERY,
        "changes",
    ),
}


@dataclass(frozen=True)
class OwnerVerb:
    """Something that only admins and the owner of a campaign may do to it; on its page by a form with one field.

    Attributes:
        path: Of the form, below that of the campaign.
        title: Heading on the page.
        note: Sentence above the field; empty: none.
        summary: What the form is folded into; empty: it is open.
        field: Name of the field.
        label: Its words.
        button: Words of the button.
        grave: Whether the button warns.
        needed: Whether the field may not be empty.
    """

    path: str
    title: str
    field: str
    label: str
    button: str
    note: str = ""
    summary: str = ""
    grave: bool = False
    needed: bool = True


OWNER_VERBS: Mapping[OwnerKind, OwnerVerb] = {
    "rename": OwnerVerb(
        path="name",
        title="Rename",
        field="name",
        label="New name",
        button="Rename",
        note="Results and history stay. Campaigns that learn from it follow.",
        summary="Rename",
    ),
    "share": OwnerVerb(
        path="sharing",
        title="Share with users",
        field="users",
        label="Names of users",
        button="Share",
        note="These operators may run, pause, cancel, edit and schedule it and report values; who can see it stays the same.",
        needed=False,
    ),
    "delete": OwnerVerb(
        path="deletion",
        title="Delete",
        field="confirm",
        label="Type the name of the campaign to delete it with all its results",
        button="Delete for good",
        grave=True,
    ),
}


@dataclass(frozen=True)
class ProjectVerb:
    """Something that users do to a project.

    Attributes:
        does: What it does: the help of its command.
        title: Heading of its form.
        button: Words of the form's button.
        role: The lowest role in the project that may; None: admins of the dashboard alone.
    """

    does: str
    title: str
    button: str
    role: ProjectRole | None


PROJECT_VERBS: Mapping[ProjectKind, ProjectVerb] = {
    # Any operator of the dashboard may, and owns the project then.
    "create": ProjectVerb("Creates a project, a folder of campaigns.", "New project", "Create", None),
    "member": ProjectVerb(
        "Adds a member, or changes a member's role.", "Add a member or change a role", "Save", ProjectRole.OWNER
    ),
    "expel": ProjectVerb("Removes a member.", "Remove a member", "Remove", ProjectRole.OWNER),
    "notes": ProjectVerb("Replaces the notes, which are Markdown.", "Notes", "Save notes", ProjectRole.OPERATOR),
    "tags": ProjectVerb("Replaces the tags.", "Tags", "Save tags", ProjectRole.OPERATOR),
    "quota": ProjectVerb("Limits what the budgets of its campaigns add up to.", "Quota", "Set quota", None),
    "privacy": ProjectVerb(
        "Shows a project and its campaigns to all users, or to its members alone.", "Visibility", "Change", ProjectRole.OWNER
    ),
    "move": ProjectVerb("Puts a campaign into a project, or takes it out.", "Project", "Move", ProjectRole.OPERATOR),
}


def needs_driver(kind: CommandKind) -> bool:
    """Returns whether a command takes effect only in a driver, so that giving it also drives the campaign."""
    return any(verb.driven != "never" for name, verb in VERBS.items() if name == kind)


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


def _may_reopen(record: CampaignRecord) -> bool:
    """Returns whether a command waits that may reopen the search; an edit of the notes, and a photo or file, does not."""
    waiting = (command for command in record.commands if command.applied_at_number is None and command.kind != "attach")
    return any(command.kind != "edit" or set(command.payload) != {"notes"} for command in waiting)


def judged_state(record: CampaignRecord, state: CampaignState, *, driven: bool) -> CampaignState:
    """The state by which commands are judged: what was asked for counts, also where no driver has carried it out yet.

    Args:
        driven: Whether a driver is at work on it.
    """
    if is_cancelled(record):
        return CampaignState.CANCELLED
    if state in _ENDED and not driven and not _may_reopen(record):
        return state
    if is_paused(record):
        return CampaignState.PAUSED
    if driven:
        return CampaignState.RUNNING
    return CampaignState.INTERRUPTED if state in _ENDED else state


def ending_state(record: CampaignRecord, *, driven: bool) -> str:
    """Word for a campaign whose driver is still at work although a pause or a cancellation was asked for; else empty.

    Args:
        driven: Whether a driver is at work on it.
    """
    if not driven:
        return ""
    return "CANCELLING" if is_cancelled(record) else "PAUSING" if is_paused(record) else ""


def kinds_for(state: CampaignState) -> frozenset[SteeringKind]:
    """The commands that apply in a state."""
    return frozenset(kind for kind, verb in VERBS.items() if state in verb.states)


def kinds_shown(state: CampaignState) -> frozenset[SteeringKind]:
    """The commands whose buttons are shown in a state."""
    return frozenset(kind for kind in kinds_for(state) if (shown := VERBS[kind].shown) is None or state in shown)


def repeated(
    record: CampaignRecord, kind: SteeringKind, *, driven: bool, find_state: Callable[[], CampaignState]
) -> Command | None:
    """Judges a command.

    Args:
        driven: Whether a driver is at work on it.
        find_state: Finds out the campaign's state, which takes long; called only where the record does not tell enough.

    Returns:
        The earlier command that asked for the same, where the same again changes nothing; None: the command applies.

    Raises:
        StateError: It does not apply.
    """
    known = CampaignState.CANCELLED if is_cancelled(record) else CampaignState.RUNNING if driven else None
    if known is None and _EVERY - {CampaignState.RUNNING, CampaignState.CANCELLED} <= VERBS[kind].states:
        return None
    state = judged_state(record, find_state() if known is None else known, driven=driven)
    if state in VERBS[kind].states:
        return None
    last = last_of(record.commands, tuple(name for name, verb in VERBS.items() if verb.holds))
    if last is not None and last.kind == kind:
        return last
    held = state in (CampaignState.PAUSED, CampaignState.CANCELLED)
    hint = f"lift that first: tansaku resume {record.name}" if held else None
    raise StateError(f"campaign {record.name!r} is {state.value}; {kind} applies to {VERBS[kind].applies_to}", hint=hint)
