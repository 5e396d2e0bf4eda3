"""`tansaku serve`: campaigns are started and scheduled from the web page of a Prefect server."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from tansaku.deploy.cli.exits import ExitCode
from tansaku.deploy.cli.printing import say
from tansaku.deploy.cli.session import SiteOption

_DEAD = 60.0  # a service records every few seconds that it is alive [s]


def serve(
    name: Annotated[str, typer.Option("--name", metavar="NAME", help="Name of the service's deployments.")] = "tansaku",
    folder: Annotated[
        Path, typer.Option("--folder", metavar="FOLDER", help="Folder to which relative paths of campaigns refer.")
    ] = Path(),
    pool: Annotated[
        str | None,
        typer.Option("--pool", metavar="POOL", help="Work pool whose workers execute campaigns; default: this process."),
    ] = None,
    training_pool: Annotated[
        str | None,
        typer.Option(
            "--training-pool", metavar="POOL", help="Work pool whose workers train surrogates; default: that of --pool."
        ),
    ] = None,
    reconcile: Annotated[
        str, typer.Option("--reconcile", metavar="CRON", help="Cron schedule for `reconcile`; 'never': only on request.")
    ] = "*/10 * * * *",
    silence: Annotated[
        float, typer.Option("--silence", min=60.0, help="Restart a run that sent no heartbeat for this long [s].")
    ] = 90.0,
    check: Annotated[
        bool, typer.Option("--check", help="Only report whether a service of this name runs on this machine; exits 1 if not.")
    ] = False,
    site: SiteOption = None,
) -> None:
    """Registers campaigns and `reconcile` on the Prefect server at PREFECT_API_URL and executes their runs."""
    from tansaku.models.domain.errors import ConfigurationError
    from tansaku.models.domain.identifiers import NAME_PATTERN
    from tansaku.tasks.configuration import load_site
    from tansaku.tasks.settings import Settings, forbid_telemetry, limit_threads, prefect_secrets_from_files

    limit_threads()
    if not re.match(NAME_PATTERN, name):
        raise ConfigurationError(f"--name {name!r}: expected {NAME_PATTERN}")
    if check:
        _check(name)
        return
    if not folder.is_dir():
        raise ConfigurationError(f"--folder {str(folder)!r}: expected an existing folder")
    settings = Settings.from_environment()
    load_site(site or settings.site_file)
    prefect_secrets_from_files()
    forbid_telemetry()
    from tansaku.flows.service import ServiceOptions
    from tansaku.flows.service import serve as run_service

    when = None if reconcile == "never" else reconcile
    run_service(ServiceOptions(name, folder, site, pool, training_pool, when, silence), settings.home, say)


def _check(name: str) -> None:
    from tansaku.tasks.settings import Settings
    from tansaku.tasks.site.service_mark import ServiceMark

    silence = ServiceMark(Settings.from_environment().home, name).silent_for()
    if silence is None:
        say(f"service {name}: not running on this machine")
    else:
        say(f"service {name}: last seen {silence:.0f} s ago")
    if silence is None or silence > _DEAD:
        raise typer.Exit(ExitCode.STOPPED)
