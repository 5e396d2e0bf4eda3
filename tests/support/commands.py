"""All commands of tansaku, those of rooms as well, for tests that walk them."""

from __future__ import annotations

import typer.main
from typer.core import TyperGroup

from tansaku.deploy.cli.main import app
from tansaku.deploy.cli.offered import OfferedGroup


def every_command() -> TyperGroup:
    """The command itself; ``commands`` of it and of each group are all that it has."""
    group = typer.main.get_command(app)
    for name in group.list_commands(typer.Context(group)):
        command = group.commands[name]
        if isinstance(command, OfferedGroup):
            group.commands[name] = command.opened()
    return group
