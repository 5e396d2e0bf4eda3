"""`tansaku serve`, `tansaku stop` and `tansaku prefect-login`: campaigns on the page of a Prefect server, and its end.

`serve_parts.py` starts and ends all processes on this machine, `flows/service.py` executes the runs.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tansaku.deploy.cli.exits import ExitCode
from tansaku.deploy.cli.printing import say
from tansaku.deploy.cli.session import ForceStop, SiteOption

if TYPE_CHECKING:
    from tansaku.models.domain.records import JsonDict

_DEAD = 60.0  # a service records every few seconds that it is alive [s]


FolderOption = Annotated[
    Path, typer.Option("--folder", metavar="FOLDER", help="Folder to which relative paths of campaigns refer.")
]
PoolOption = Annotated[
    str | None, typer.Option("--pool", metavar="POOL", help="Work pool whose workers execute campaigns; default: this process.")
]
TrainingPoolOption = Annotated[
    str | None,
    typer.Option("--training-pool", metavar="POOL", help="Work pool whose workers train surrogates; default: that of --pool."),
]
ReconcileOption = Annotated[
    str, typer.Option("--reconcile", metavar="CRON", help="Cron schedule for `reconcile`; 'never': only on request.")
]
SilenceOption = Annotated[
    float, typer.Option("--silence", min=60.0, help="Restart a run that sent no heartbeat for this many seconds.")
]
CheckOption = Annotated[
    bool, typer.Option("--check", help="Only report whether a service of this name runs on this machine; exits 1 if not.")
]


def serve(
    name: Annotated[str, typer.Option("--name", metavar="NAME", help="Name of the service's deployments.")] = "tansaku",
    folder: FolderOption = Path(),
    pool: PoolOption = None,
    training_pool: TrainingPoolOption = None,
    reconcile: ReconcileOption = "*/10 * * * *",
    silence: SilenceOption = 90.0,
    check: CheckOption = False,
    web: Annotated[
        bool | None,
        typer.Option("--web/--no-web", help="Whether to serve the dashboard too; default: only without PREFECT_API_URL."),
    ] = None,
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="Port of the dashboard on this machine; 0: any that is free.")
    ] = 8421,
    open_browser: Annotated[bool, typer.Option("--open", help="Open the dashboard in a browser, logged in.")] = False,
    site: SiteOption = None,
) -> None:
    """Executes campaigns that are started on a web page.

    Without PREFECT_API_URL it starts all that this needs on this machine: database, Prefect server, service and dashboard. With
    it, the service registers campaigns and `reconcile` on that Prefect server and executes their runs.
    """
    from tansaku.models.domain.errors import ConfigurationError
    from tansaku.models.domain.identifiers import NAME_PATTERN
    from tansaku.tasks.ground.settings import Settings, limit_threads
    from tansaku.tasks.node.configuration.campaign_files import load_site

    limit_threads()
    if not re.match(NAME_PATTERN, name):
        raise ConfigurationError(f"--name {name!r}: expected {NAME_PATTERN}")
    if check:
        _check(name)
        return
    if not folder.is_dir():
        raise ConfigurationError(f"--folder {str(folder)!r}: expected an existing folder")
    load_site(site or Settings.from_environment().site_file)
    options: JsonDict = {"name": name, "pool": pool, "training_pool": training_pool, "silence": silence}
    options |= {"reconcile": None if reconcile == "never" else reconcile, "folder": folder, "site": site}
    configured = _has_server()
    if configured and not (web or open_browser):
        _serve_alone(options)
    else:
        _serve_all(options, not configured, web is not False, port, typer.launch if open_browser else None)


def _serve_alone(options: JsonDict) -> None:
    from tansaku.flows.service import ServiceOptions
    from tansaku.flows.service import serve as run_service
    from tansaku.tasks.ground.settings import Settings

    run_service(ServiceOptions(**options), Settings.from_environment().home, say)


def _serve_all(options: JsonDict, own_server: bool, web: bool, port: int, open_page: Callable[[str], object] | None) -> None:
    from tansaku.deploy.cli.serve_parts import ServeOptions, serve_everything
    from tansaku.models.domain.errors import ConfigurationError
    from tansaku.tasks.ground.settings import Settings

    if own_server and (options["pool"] or options["training_pool"]):
        raise ConfigurationError("--pool: its workers need a Prefect server that they can reach", hint="set PREFECT_API_URL")
    served = ServeOptions(
        service={name: str(value.resolve()) if isinstance(value, Path) else value for name, value in options.items()},
        own_server=own_server,
        web=web,
        port=port,
        site=options["site"],
        open_page=open_page,
    )
    serve_everything(Settings.from_environment(), served, say)


def _has_server() -> bool:
    """Returns whether Prefect's settings name a server; sets what Prefect reads at import."""
    from tansaku.tasks.ground.settings import (
        forbid_telemetry,
        has_prefect_files,
        names_prefect_server,
        prefect_secrets_from_files,
    )

    prefect_secrets_from_files()
    forbid_telemetry()
    if names_prefect_server():
        return True
    if not has_prefect_files():
        return False  # known without Prefect, which takes seconds to load
    from tansaku.flows.server import configured_server

    return configured_server() is not None


def _check(name: str) -> None:
    from tansaku.tasks.ground.settings import Settings
    from tansaku.tasks.ground.site.service_mark import ServiceMark

    silence = ServiceMark(Settings.from_environment().home, name).silent_for()
    if silence is None:
        say(f"service {name}: not running on this machine")
    else:
        say(f"service {name}: last seen {silence:.0f} s ago")
    if silence is None or silence > _DEAD:
        raise typer.Exit(ExitCode.STOPPED)


def stop(*, force: ForceStop = False) -> None:
    """Stops the private database and the private Prefect server; the next command that needs one starts it again."""
    from tansaku.flows.server import PrivatePrefect
    from tansaku.tasks.backends.stores.embedded_mongod import EmbeddedMongod
    from tansaku.tasks.backends.stores.live_drivers import refuse_running_drivers
    from tansaku.tasks.ground.settings import Settings
    from tansaku.tasks.ground.site.serve_lock import serving_process

    settings = Settings.from_environment()
    server = EmbeddedMongod(settings.home, runtime=settings.runtime)
    if not force:
        refuse_running_drivers(server)
    prefect = PrivatePrefect.stop_all(settings.home)
    database = server.stop()
    for title, ran in (("Prefect server", prefect), ("database", database)):
        say(f"{title}: {'stopped' if ran else 'was not running'}")
    serving = serving_process(settings.home)
    if serving is not None:
        say(f"`tansaku serve` (process {serving}) still runs and starts them again; end it by Ctrl-C or `kill {serving}`")


def prefect_login() -> None:
    """Prints the address of the private Prefect server's pages, and what to type in there; starts the server."""
    from tansaku.flows.server import PrivatePrefect
    from tansaku.tasks.ground.settings import Settings

    server = PrivatePrefect.of(Settings.from_environment().home).start()
    say(f"{server.api_url.removesuffix('/api')}/login")
    say(f"{server.auth}")
