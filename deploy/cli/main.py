"""The `tansaku` command: a typer application with one module per group of commands."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from tansaku import __version__
from tansaku.deploy.cli import (
    agents,
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
    projects,
    results,
    run,
    schema,
    serve,
    steer,
    web,
)
from tansaku.deploy.cli.offered import Commands
from tansaku.deploy.cli.printing import say
from tansaku.models.domain.errors import TansakuError
from tansaku.models.domain.verbs import VERBS

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
    server: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Work on the campaigns of this dashboard. Its token is in TANSAKU_TOKEN, or in the file that "
            "TANSAKU_TOKEN_FILE names.",
        ),
    ] = None,
) -> None:
    """Options of the command itself; `Commands` reads the server."""
    del version, server


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
    ("provenance", inspection.provenance, _WATCH),
    ("ask", ask_tell.ask, _MEASURE),
    ("tell", ask_tell.tell, _MEASURE),
    ("attach", ask_tell.attach, _MEASURE),
    ("mcp", agents.mcp, _STEER),
    *((kind, steer.steering_command(kind), _STEER) for kind in VERBS),
    ("copy", copy_rename_delete.copy, _BEGIN),
    ("rename", copy_rename_delete.rename, _STEER),
    ("delete", copy_rename_delete.delete, _STEER),
    ("results", results.results, _TAKE),
    ("plot", results.plot, _TAKE),
    ("hull", results.hull, _TAKE),
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
app.add_typer(projects.project_app, name="project", rich_help_panel="Service")
app.add_typer(datasets.dataset_app, name="dataset", rich_help_panel="Models")
app.add_typer(models.model_app, name="model", rich_help_panel="Models")
app.add_typer(new_plugin.app, name="new", rich_help_panel=_BEGIN)
app.add_typer(cluster.site_app, name="site", rich_help_panel="Cluster")
app.add_typer(cluster.queue_app, name="queue", rich_help_panel="Cluster")
app.add_typer(cluster.queue_app, name="worker", hidden=True)  # the name of older versions
app.command("reconcile", rich_help_panel="Cluster")(cluster.reconcile)
app.add_typer(db.db_app, name="db", rich_help_panel="Database")


_OBJECTS = 50_000
"""New objects between two searches for cyclic garbage. Python's own 700 cost short commands a tenth of their time: what imports
make stays."""


def main() -> None:
    """Entry point: runs the command and turns tansaku's own errors into a message and an exit code."""
    gc.set_threshold(_OBJECTS)
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
