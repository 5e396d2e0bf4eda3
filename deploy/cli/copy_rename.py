"""`tansaku copy` and `tansaku rename`: store the spec of a campaign under a new name, or rename the campaign."""

from __future__ import annotations

from typing import Annotated

import typer

from tansaku.deploy.cli.printing import say
from tansaku.deploy.cli.session import NameArgument, SiteOption, opened, this_user


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
    from tansaku.tasks.act.commands.audit import by_command, creation, record_change
    from tansaku.tasks.act.commands.copy import copy_campaign
    from tansaku.tasks.backends.stores.documents import utc_now
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
    from tansaku.tasks.act.commands.audit import by_command, record_change, renaming
    from tansaku.tasks.act.commands.rename import rename_campaign
    from tansaku.tasks.backends.stores.documents import utc_now

    with opened(site) as resources:
        renamed = rename_campaign(resources, this_user(), name, new)
        change = renaming(renamed.record, (name, new), len(renamed.record.former_names) - 1)
        record_change(resources.accounts, by_command(), change, utc_now())
    say(f"{new}: was {name}")
    for follower in renamed.followers:
        say(f"  {follower} learns from it: its stored spec has the new name")
    say(f"  a campaign file needs `name: {new}`, or `tansaku run` starts another campaign {name}")
