"""`tansaku delete`: deletes a stored campaign after a confirmation."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from tansaku.deploy.cli.printing import say
from tansaku.deploy.cli.session import NameArgument, SiteOption, opened, this_user
from tansaku.models.domain.wording import counted


def delete(
    name: NameArgument,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False,
    site: SiteOption = None,
) -> None:
    """Deletes a stored campaign permanently after showing what is lost and asking; also completes an interrupted deletion."""
    from tansaku.models.domain.errors import ConfigurationError
    from tansaku.tasks.act.commands.delete import delete_campaign, plan_deletion

    with opened(site) as resources:
        say(plan_deletion(resources, name).describe(), err=True)
        if not yes:
            if not sys.stdin.isatty():
                raise ConfigurationError("--yes: required without a terminal to ask on; nothing was deleted")
            if not typer.confirm("delete it permanently?", err=True):
                say("nothing was deleted")
                raise typer.Exit
        files = delete_campaign(resources, this_user(), name)
    say(f"{name}: deleted, with {counted(files, 'stored file')} that nothing else refers to")
