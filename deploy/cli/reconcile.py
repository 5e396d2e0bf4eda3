"""`tansaku reconcile`: finds differences between campaigns, shared folder, LaunchPad and scheduler, and repairs safe ones."""

from __future__ import annotations

from typing import Annotated

import typer

from tansaku.deploy.cli.exits import ExitCode
from tansaku.deploy.cli.printing import say
from tansaku.deploy.cli.session import SiteOption, complete_campaign, opened
from tansaku.deploy.cli.tables import show_json


def reconcile(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME]...", help="Names of campaigns; default: all.", autocompletion=complete_campaign),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Change nothing; report what would be done.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="JSON instead of text.")] = False,
    site: SiteOption = None,
) -> None:
    """Compares campaigns, shared folder, LaunchPad and SLURM; repairs what is certain, reports the rest, deletes no result."""
    from tansaku.tasks.act.commands.reconcile import reconcile as compare

    with opened(site) as resources:
        report = compare(resources, names or None, dry_run=dry_run)
    if as_json:
        show_json(report.model_dump(mode="json"))
    else:
        say("\n".join(report.describe()))
    if report.unreadable:
        raise typer.Exit(ExitCode.DATABASE)
