"""`tansaku pause`, `resume`, `retry`, `rerun`, `cancel` and `edit`: requests that a driver applies before the next proposal.

`tasks/act/commands/steer.py` stores them, `tasks/loop/steps/apply_commands.py` applies them.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tansaku.deploy.cli.printing import say
from tansaku.deploy.cli.run import PlainOption, drive_to_end
from tansaku.deploy.cli.session import NameArgument, SiteOption, opened, this_user

if TYPE_CHECKING:
    from tansaku.models.domain.records import SteeringKind
    from tansaku.tasks.act.commands.steer import Requested

NoRunOption = Annotated[
    bool, typer.Option("--no-run", help="Only store the request; the next driver of the campaign applies it.")
]
CandidatesArgument = Annotated[list[str] | None, typer.Argument(metavar="[CANDIDATE]...", help="Ids of candidates.")]


def say_stored(requested: Requested, what: str) -> None:
    """Prints what was stored and when it takes effect."""
    name = requested.campaign
    if not requested.new:
        say(f"{name}: {requested.command.kind} was requested before")
    elif requested.has_driver:
        say(f"{name}: {what}; the driver applies it before the next proposal")
    else:
        say(f"{name}: {what}; no driver is running, it takes effect with the next `tansaku resume {name}`")


def pause(name: NameArgument, site: SiteOption = None) -> None:
    """Stops proposing candidates; running evaluations finish and are kept."""
    from tansaku.tasks.act.commands.steer import request

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
    from tansaku.tasks.act.commands.steer import plan_edit, request_edit
    from tansaku.tasks.ground.formats.yaml_edit import assignments

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


def _request(name: str, site: Path | None, kind: SteeringKind, candidates: list[str] | None, no_run: bool) -> bool:
    """Stores a command.

    Returns:
        Whether this process should drive the campaign: no other process does, and the user did not give ``--no-run``.
    """
    from tansaku.tasks.ground.settings import limit_threads

    limit_threads()
    from tansaku.tasks.act.commands.steer import request

    with opened(site) as resources:
        requested = request(resources.store, this_user(), name, kind, candidates or ())
    if no_run or requested.has_driver:
        say_stored(requested, f"{kind} stored")
        return False
    return True


def resume(name: NameArgument, plain: PlainOption = False, no_run: NoRunOption = False, site: SiteOption = None) -> None:
    """Lifts a pause or a cancellation and continues the campaign."""
    if _request(name, site, "resume", None, no_run):
        drive_to_end(name, site, plain)


def retry(
    name: NameArgument,
    candidates: CandidatesArgument = None,
    plain: PlainOption = False,
    no_run: NoRunOption = False,
    site: SiteOption = None,
) -> None:
    """Retries failed and cancelled evaluations (all, or those given) and continues the campaign."""
    if _request(name, site, "retry", candidates, no_run):
        drive_to_end(name, site, plain)


def rerun(
    name: NameArgument,
    candidates: Annotated[list[str], typer.Argument(metavar="CANDIDATE...", help="Ids of candidates.")],
    plain: PlainOption = False,
    no_run: NoRunOption = False,
    site: SiteOption = None,
) -> None:
    """Computes finished candidates again from scratch, as new replicates; earlier results are kept."""
    if _request(name, site, "rerun", candidates, no_run):
        drive_to_end(name, site, plain)


def cancel(name: NameArgument, no_run: NoRunOption = False, site: SiteOption = None) -> None:
    """Ends a campaign and its running evaluations; `resume` reopens it."""
    if _request(name, site, "cancel", None, no_run):
        drive_to_end(name, site, plain=True)
