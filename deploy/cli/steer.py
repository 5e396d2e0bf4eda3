"""`tansaku pause` and `edit`: requests that the driver applies from the next proposal on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tansaku.deploy.cli.printing import say
from tansaku.deploy.cli.session import NameArgument, SiteOption, opened, this_user

if TYPE_CHECKING:
    from tansaku.tasks.commands.steer import Requested


def say_stored(requested: Requested, what: str) -> None:
    """Prints what was stored and when it takes effect."""
    name = requested.campaign
    if requested.has_driver:
        say(f"{name}: {what}; the driver applies it before the next proposal")
    else:
        say(f"{name}: {what}; no driver is running, it takes effect with the next `tansaku resume {name}`")


def pause(name: NameArgument, site: SiteOption = None) -> None:
    """Stops proposing candidates; running evaluations finish and are kept."""
    from tansaku.tasks.commands.steer import request

    with opened(site) as resources:
        say_stored(request(resources.store, this_user(), name, "pause"), "pause stored")


def edit(
    name: NameArgument,
    changes: Annotated[
        list[str],
        typer.Argument(metavar="KEY=VALUE...", help="e.g. budget.evaluations=500 budget.cost=null execution.in_flight=4"),
    ],
    site: SiteOption = None,
) -> None:
    """Changes budget, stop rule, in_flight, timeout, retries, polish or notes of a stored campaign; the edit is logged."""
    from tansaku.tasks.commands.steer import plan_edit, request_edit
    from tansaku.tasks.formats.yaml_edit import assignments

    payload = assignments(changes)
    with opened(site) as resources:
        differences = plan_edit(resources.store, name, payload)
        requested = request_edit(resources.store, this_user(), name, payload)
    if requested is None:
        say(f"{name}: nothing to change")
        return
    for difference in differences:
        say(f"  {difference}")
    say_stored(requested, "edit stored")
