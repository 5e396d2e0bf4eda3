"""The `tansaku` command: a typer application with one module per group of commands."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer.core import TyperGroup

from tansaku import __version__
from tansaku.deploy.cli import (
    ask_tell,
    bench,
    cluster,
    copy_rename_delete,
    datasets,
    db,
    doctor,
    exits,
    export_import,
    init_check,
    inspection,
    models,
    new_plugin,
    paths,
    results,
    run,
    schema,
    serve,
    steer,
    web,
)
from tansaku.deploy.cli.printing import say
from tansaku.models.domain.errors import MissingComponentError, TansakuError
from tansaku.models.domain.verbs import VERBS

if TYPE_CHECKING:
    from typer._click import Command, Context

    from tansaku.models.domain.rooms import CommandGroup


class OfferedGroup(TyperGroup):
    """A group of a room or a plug-in, as far as it is known without its code.

    Args:
        name: Of the group.
        description: Of the group.
    """

    def __init__(self, name: str, description: CommandGroup) -> None:
        super().__init__(name=name, help=description.help, rich_help_panel=description.panel)
        self._opener = description.opener

    def opened(self) -> TyperGroup:
        """The group with its commands.

        Raises:
            MissingComponentError: A plug-in's code cannot be imported.
        """
        from tansaku.models.domain.rooms import code_behind

        return typer.main.get_group(code_behind("commands", str(self.name), self._opener))


class Commands(TyperGroup):
    """All commands. The groups of rooms and plug-ins are looked for when commands are listed or the name is no other's."""

    def list_commands(self, ctx: Context) -> list[str]:
        """Names of all commands, the own ones first."""
        self._look_for_offers()
        return super().list_commands(ctx)

    def resolve_command(self, ctx: Context, args: list[str]) -> tuple[str | None, Command | None, list[str]]:
        """The command that is called, with its name and the rest of the words.

        Raises:
            MissingComponentError: Its room is not installed, or its plug-in does not work.
        """
        if args[0] not in self.commands:
            self._look_for_offers()
            self._explain(args[0])
        name, command, rest = super().resolve_command(ctx, args)
        return name, command.opened() if isinstance(command, OfferedGroup) else command, rest

    def _look_for_offers(self) -> None:
        from tansaku.models.domain.rooms import command_groups

        for name, description in command_groups().items():
            self.commands.setdefault(name, OfferedGroup(name, description))

    def _explain(self, name: str) -> None:
        """Refuses a command that is known but does not work here."""
        from tansaku.models.domain.rooms import reason_without_commands

        if name not in self.commands and (reason := reason_without_commands(name)):
            raise MissingComponentError(f"tansaku {name}: {reason}", hint="install or repair it")


app = typer.Typer(
    name="tansaku",
    cls=Commands,
    help="Active-learning campaigns for materials: propose, compute, learn, stop when the answer is known.",
    epilog=exits.epilogue(),
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


def _show_version(wanted: bool) -> None:
    if wanted:
        say(f"tansaku {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Options of the command itself."""


_BEGIN, _WATCH, _MEASURE, _STEER, _TAKE = "Start", "Inspect", "Measure", "Control", "Results"
_COMMANDS: tuple[tuple[str, Callable[..., None], str], ...] = (
    ("init", init_check.init, _BEGIN),
    ("check", init_check.check, _BEGIN),
    ("run", run.run, _BEGIN),
    ("doctor", doctor.doctor, _BEGIN),
    ("bug-report", doctor.bug_report, _BEGIN),
    ("schema", schema.schema, _BEGIN),
    ("status", inspection.status, _WATCH),
    ("list", inspection.list_campaigns, _WATCH),
    ("show", inspection.show, _WATCH),
    ("log", inspection.log, _WATCH),
    ("ask", ask_tell.ask, _MEASURE),
    ("tell", ask_tell.tell, _MEASURE),
    *((kind, steer.steering_command(kind), _STEER) for kind in VERBS),
    ("copy", copy_rename_delete.copy, _BEGIN),
    ("rename", copy_rename_delete.rename, _STEER),
    ("delete", copy_rename_delete.delete, _STEER),
    ("results", results.results, _TAKE),
    ("plot", results.plot, _TAKE),
    ("path", paths.path, _TAKE),
    ("export", export_import.export, _TAKE),
    ("import", export_import.import_campaign, _TAKE),
    ("bench", bench.bench, _TAKE),
)
for _name, _command, _panel in _COMMANDS:
    app.command(_name, rich_help_panel=_panel)(_command)

app.command("serve", rich_help_panel="Service")(serve.serve)
app.command("stop", rich_help_panel="Service")(serve.stop)
app.command("prefect-login", rich_help_panel="Service")(serve.prefect_login)
app.add_typer(web.web_app, name="web", rich_help_panel="Service")
app.add_typer(datasets.dataset_app, name="dataset", rich_help_panel="Models")
app.add_typer(models.model_app, name="model", rich_help_panel="Models")
app.add_typer(new_plugin.app, name="new", rich_help_panel=_BEGIN)
app.add_typer(cluster.site_app, name="site", rich_help_panel="Cluster")
app.add_typer(cluster.queue_app, name="queue", rich_help_panel="Cluster")
app.add_typer(cluster.queue_app, name="worker", hidden=True)  # the name of older versions
app.command("reconcile", rich_help_panel="Cluster")(cluster.reconcile)
app.add_typer(db.db_app, name="db", rich_help_panel="Database")


def main() -> None:
    """Entry point: runs the command and turns tansaku's own errors into a message and an exit code."""
    try:
        Path.home()
    except RuntimeError:
        # The user has neither HOME nor an entry in the system's list of users.
        from tansaku.tasks.ground.settings import lend_home

        lend_home()
    try:
        app()
    except TansakuError as error:
        sys.exit(exits.report(error))
