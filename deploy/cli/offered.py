"""All commands, with groups of rooms and plug-ins: the help lists them by their descriptions, calling one imports its code."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import typer
from typer.core import TyperCommand, TyperGroup

from tansaku.models.domain.errors import MissingComponentError

if TYPE_CHECKING:
    from typer._click import Command, Context  # they have no public name

    from tansaku.models.domain.rooms import CommandGroup


class OfferedGroup(TyperGroup):
    """A group or a command of a room or a plug-in, as far as it is known without its code."""

    def __init__(self, name: str, description: CommandGroup) -> None:
        super().__init__(name=name, help=description.help, rich_help_panel=description.panel)
        self._opener = description.opener

    def opened(self) -> TyperCommand | TyperGroup:
        """The group with its commands, or the command.

        Raises:
            MissingComponentError: A plug-in's code cannot be imported.
        """
        from tansaku.models.domain.rooms import code_behind

        found = code_behind("commands", str(self.name), self._opener)
        if isinstance(found, typer.Typer):
            return typer.main.get_group(found)
        alone = typer.Typer(add_completion=False, rich_markup_mode="rich")
        alone.command(self.name)(found)
        return cast("TyperCommand", typer.main.get_command(alone))


def every_command(app: typer.Typer) -> Commands:
    """The command itself; ``commands`` of it and of each group are all that it has, those of rooms and plug-ins included.

    Args:
        app: The application, whose group is a :class:`Commands`.

    Raises:
        MissingComponentError: A plug-in's code cannot be imported.
    """
    group = cast("Commands", typer.main.get_command(app))
    for name in group.list_commands(typer.Context(group)):
        command = group.commands[name]
        if isinstance(command, OfferedGroup):
            group.commands[name] = found = command.opened()
            found.rich_help_panel = command.rich_help_panel
    return group


class Commands(TyperGroup):
    """All commands. The groups of rooms and plug-ins are looked for when commands are listed or the name is no other's."""

    def list_commands(self, ctx: Context) -> list[str]:
        """Names of all commands, the own ones first."""
        self._look_for_offers()
        return super().list_commands(ctx)

    def resolve_command(self, ctx: Context, args: list[str]) -> tuple[str | None, Command | None, list[str]]:
        """The command that is called, with its name and the rest of the words; with ``--server`` that of a dashboard.

        Raises:
            ConfigurationError: With ``--server``, it needs the machine's own database.
            MissingComponentError: Its room is not installed, or its plug-in does not work.
        """
        if args[0] not in self.commands:
            self._look_for_offers()
            self._explain(args[0])
        name, command, rest = super().resolve_command(ctx, args)
        if name is not None and (server := ctx.params.get("server")) is not None:
            from tansaku.deploy.cli.remote import remote_command

            return name, remote_command(name, server), rest
        return name, command.opened() if isinstance(command, OfferedGroup) else command, rest

    def _look_for_offers(self) -> None:
        from tansaku.models.domain.rooms import command_groups

        for name, description in command_groups().items():
            self.commands.setdefault(name, OfferedGroup(name, description))

    def _explain(self, name: str) -> None:
        """Refuses a command that is known but does not work here."""
        from tansaku.models.domain.plugins import reasons_for

        if name not in self.commands and (reasons := reasons_for(name)):
            raise MissingComponentError(f"tansaku {name}: {reasons.removeprefix('; ')}", hint="install or repair it")
