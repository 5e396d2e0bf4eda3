"""`tansaku delete`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from tansaku.deploy.cli.printing import say
from tansaku.deploy.cli.session import NameArgument, SiteOption, opened
from tansaku.models.domain.wording import counted


def delete(
    name: NameArgument,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    site: SiteOption = None,
) -> None:
    """Deletes a stored campaign for good, after saying what goes and asking; an interrupted deletion is finished."""
    from tansaku.models.domain.errors import ConfigurationError
    from tansaku.tasks.deletion import delete_campaign, plan_deletion

    with opened(site) as resources:
        say(plan_deletion(resources, name).describe(), err=True)
        if not yes:
            if not sys.stdin.isatty():
                raise ConfigurationError("--yes: needed where nobody can be asked; nothing was deleted")
            if not typer.confirm("delete it for good?", err=True):
                say("nothing was deleted")
                raise typer.Exit
        files = delete_campaign(resources, name)
    say(f"{name}: deleted, with {counted(files, 'stored file')} that nothing refers to any more")
