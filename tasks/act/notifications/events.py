"""Events of a campaign that people want to know, read from its line in the list of all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from tansaku.models.domain.notifications import Happening
from tansaku.models.domain.states import ENDED, CampaignState, StopReason
from tansaku.models.domain.wording import counted, with_unit
from tansaku.tasks.read.views.readings import CampaignLine

NEARLY_USED = 0.9
"""Share of a limit of the budget that is worth a message."""

STUCK_AFTER = timedelta(minutes=10)
"""A campaign that has been without a driver for this long counts as stuck: drivers are started again sooner."""


LEFT_AFTER = timedelta(hours=1)
"""A campaign that had an answer waits again when nothing was reported for this long: until then somebody is measuring."""


@dataclass(frozen=True)
class Event:
    """Something that has happened.

    Attributes:
        mark: Distinguishes it from other such events of the campaign, and is the same whenever the campaign is looked at.
        title: A line of text.
        text: More of it; may be empty.
    """

    happening: Happening
    mark: str
    title: str
    text: str = ""


def events_of(line: CampaignLine, now: datetime, limits: Callable[[], str]) -> list[Event]:
    """Returns what has happened to a campaign, as far as it still holds.

    Args:
        limits: Gives the limits of its budget in words; asked where nearly all is used.
    """
    return list(_events(line, now, limits))


def _is_left_waiting(line: CampaignLine, now: datetime) -> bool:
    """Returns whether a campaign that waits has had no answer yet, or none lately."""
    return line.evaluations == line.pending or now - line.updated > LEFT_AFTER


def _best(line: CampaignLine) -> str:
    """The value that the page of the campaign begins with, in words."""
    if line.relaxed is not None:
        return f"best after the final relaxation {with_unit(f'{line.relaxed.value:.6g}', line.unit)} ({line.relaxed.candidate})"
    return "no value" if line.best is None else f"best {with_unit(f'{line.best:.6g}', line.unit)} ({line.candidate})"


def _events(line: CampaignLine, now: datetime, limits: Callable[[], str]) -> Iterator[Event]:
    values = counted(line.pending, "value")
    done = f"{counted(line.evaluations, 'evaluation')}, {line.failed} failed"
    if line.stop_reason is not None and line.state in ENDED:
        why = StopReason(line.stop_reason).words
        best = _best(line)
        ended = f"{line.evaluations + line.adopted}-{line.stop_reason}"
        yield Event(Happening.FINISHED, ended, f"{line.name} has ended: {why}", f"{best}; {done}")
    if line.failed:
        # At 1, 2, 4, 8, … failures: a campaign in which much fails would send as many messages.
        step = 1 << (line.failed.bit_length() - 1)
        advice = f"tansaku status {line.name} says why; tansaku retry {line.name} tries them again"
        yield Event(Happening.FAILED, str(step), f"{line.name}: {counted(line.failed, 'evaluation')} failed", advice)
    if line.state is CampaignState.WAITING and _is_left_waiting(line, now):
        yield Event(
            Happening.NEEDS_VALUE,
            str(line.evaluations + line.adopted),
            f"{line.name} waits {f'for {values}' if line.pending else 'until somebody asks what to measure next'}",
            f"tansaku ask {line.name} shows what to measure",
        )
    if line.silence is not None or (line.state is CampaignState.INTERRUPTED and now - line.updated > STUCK_AFTER):
        said = line.silence or f"nothing drives it; tansaku resume {line.name} continues it"
        yield Event(Happening.STUCK, str(line.drivers), f"{line.name} is stuck", said)
    if line.used is not None and line.used >= NEARLY_USED and line.stop_reason is None:
        yield Event(Happening.BUDGET, limits(), f"{line.name} has used {100 * line.used:.0f} % of its budget", done)
