"""Asks for proposals, reports values, releases proposals: stores the command, then drives the campaign as far as possible."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from threading import Event

from tansaku.models.domain.authors import Actor
from tansaku.models.domain.errors import LeaseHeldError
from tansaku.tasks.act.measurements.report_file import Report
from tansaku.tasks.act.measurements.stored_commands import Receipt, store_ask, store_release, store_report
from tansaku.tasks.backends.resources import Resources
from tansaku.tasks.backends.stores.campaigns import stored_spec
from tansaku.tasks.loop.driver.loop import CampaignLoop
from tansaku.tasks.loop.driver.result import DriveResult

PATIENCE = 30.0
"""Time for which a person's or script's command waits for another driver to end, or to apply it [s]."""

_LOOK = 0.2  # [s]


def ask(
    resources: Resources,
    actor: Actor,
    name: str,
    count: int | None = None,
    identifier: str | None = None,
    *,
    values_only: bool = False,
) -> DriveResult | None:
    """Advances a campaign until enough proposals wait for values, then ends; no process stays.

    Args:
        count: How many proposals are to wait; None: as many as were last asked for, or ``execution.in_flight``.
        identifier: Id of the command; asking twice under one id is the same as once. None: a new one.
        values_only: Whether candidates are proposed even where a descriptor is expected to gain more per price.

    Returns:
        How the driver ended; None where another driver has the campaign: it proposes them.

    Raises:
        ConfigurationError: The values of the campaign are computed, or the count is not possible.
    """
    store_ask(resources.store, actor, name, count, identifier, values_only=values_only)
    return advance(resources, name, 0.0)


def advance(resources: Resources, name: str, patience: float = PATIENCE) -> DriveResult | None:
    """Drives a campaign until it waits; None where another driver has had it for some time [s]."""
    until = time.monotonic() + patience
    while True:
        try:
            with CampaignLoop(resources, name) as loop:
                loop.advance()
                return loop.result
        except LeaseHeldError:
            if time.monotonic() >= until:
                return None
        Event().wait(_LOOK)


def release(resources: Resources, actor: Actor, name: str, numbers: Sequence[int], *, patience: float = 0.0) -> bool:
    """Releases proposals that nobody will measure now; `retry` lets one wait again. Returns whether it was applied.

    Args:
        patience: As of :func:`tell`.

    Raises:
        NotFoundError: A number is not waiting.
    """
    command = store_release(resources.store, actor, name, numbers)
    return _apply_in_time(resources, name, command.id, patience)


def tell(
    resources: Resources,
    actor: Actor,
    name: str,
    report: Report,
    identifier: str | None = None,
    *,
    patience: float = 0.0,
) -> Receipt:
    """Stores a report, all of it or nothing, and applies it unless another driver has the campaign.

    Args:
        identifier: Id of the command; None: made of what is new, so that the same report twice is the same as once.
        patience: How long it waits for another driver to end, or to apply it [s].

    Raises:
        ReportError: A line is wrong; nothing was stored.
        ConfigurationError: The values of the campaign are computed.
        StoreError: The identifier belongs to another command.
    """
    receipt = store_report(resources.store, actor, name, report, identifier)
    if receipt.command is None:
        return receipt
    return receipt.model_copy(update={"applied": _apply_in_time(resources, name, receipt.command, patience)})


def _apply_in_time(resources: Resources, name: str, command: str, patience: float) -> bool:
    """Applies a stored command, at once or when the driver that has the campaign ends; False: neither it nor that one did.

    A driver that is about to end no longer looks for commands, so that a value would not count before somebody asks again.
    """
    until = time.monotonic() + patience
    while not apply_commands_now(resources, name):
        stored = (item for item in resources.store.campaign(name).commands if item.id == command)
        if any(item.applied_at_number is not None for item in stored):
            return True
        if time.monotonic() >= until:
            return False
        Event().wait(_LOOK)
    return True


def end_if_spent(resources: Resources, name: str) -> None:
    """Ends a campaign whose evaluations are all spent and reported, as the next request for proposals would."""
    most = stored_spec(resources.store.campaign(name)).budget.evaluations
    counts = resources.store.state_counts(name)
    if most is None or sum(counts.values()) < most or not all(state.terminal for state in counts):
        return
    with suppress(LeaseHeldError), CampaignLoop(resources, name) as loop:
        loop.advance()


def apply_commands_now(resources: Resources, name: str) -> bool:
    """Applies the commands that wait, and proposes nothing; False where another driver has the campaign: it applies them."""
    try:
        with CampaignLoop(resources, name, proposes=False) as loop:
            loop.obey()
    except LeaseHeldError:
        return False
    return True
