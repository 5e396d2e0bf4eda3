"""`tansaku delete`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from tansaku.deploy.cli.session import NameArgument, SiteOption, opened


def delete(
    name: NameArgument,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    site: SiteOption = None,
) -> None:
    """Deletes a stored campaign for good, after saying what goes and asking; an interrupted deletion is finished."""
    from tansaku.models.domain.errors import ConfigurationError
    from tansaku.tasks.deletion import delete_campaign, plan_deletion

    with opened(site) as resources:
        typer.echo(plan_deletion(resources, name).describe(), err=True)
        if not yes:
            if not sys.stdin.isatty():
                raise ConfigurationError("--yes: needed where nobody can be asked; nothing was deleted")
            if not typer.confirm("delete it for good?", err=True):
                typer.echo("nothing was deleted")
                raise typer.Exit
        files = delete_campaign(resources, name)
    typer.echo(f"{name}: deleted, with {files} stored files that nothing names any more")
