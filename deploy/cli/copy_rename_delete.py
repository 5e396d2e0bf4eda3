"""`tansaku copy`, `rename` and `delete`: store a campaign's spec under a new name, rename the campaign, delete it."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from tansaku.deploy.cli.printing import say
from tansaku.deploy.cli.session import NameArgument, SiteOption, opened, this_user
from tansaku.models.domain.wording import counted


def copy(
    name: NameArgument,
    new: Annotated[str, typer.Argument(metavar="NEW", help="Name of the copy.")],
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Change a key of the copy, e.g. budget.evaluations=600; repeatable."),
    ] = None,
    site: SiteOption = None,
) -> None:
    """Stores a new campaign with the spec of a stored one; it has no evaluation yet."""
    from tansaku.models.domain.moments import utc_now
    from tansaku.tasks.act.commands.audit import by_command, creation, record_change
    from tansaku.tasks.act.commands.copy import copy_campaign
    from tansaku.tasks.ground.formats.yaml_edit import assignments

    payload = assignments(changes or [])
    with opened(site) as resources:
        record = copy_campaign(resources, this_user(), name, new, payload)
        record_change(resources.accounts, by_command(), creation(record, copy_of=name), utc_now())
    say(f"{record.name}: stored as a copy of {name}")
    for key, value in payload.items():
        say(f"  {key}: {value}")
    say(f"  start: tansaku resume {record.name}")


def rename(
    name: NameArgument,
    new: Annotated[str, typer.Argument(metavar="NEW", help="Its new name.")],
    site: SiteOption = None,
) -> None:
    """Gives a stored campaign another name; also completes an interrupted change of a name."""
    from tansaku.models.domain.moments import utc_now
    from tansaku.tasks.act.commands.audit import by_command, record_change, renaming
    from tansaku.tasks.act.commands.rename import rename_campaign

    with opened(site) as resources:
        record = rename_campaign(resources, this_user(), name, new)
        change = renaming(record, (name, new), len(record.former_names) - 1)
        record_change(resources.accounts, by_command(), change, utc_now())
    say(f"{new}: was {name}")
    say(f"  a campaign file needs `name: {new}`, or `tansaku run` starts another campaign {name}")


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
