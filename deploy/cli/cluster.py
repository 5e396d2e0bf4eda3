"""`tansaku site` and `tansaku queue`: the site file of a cluster, and the process that submits jobs to its queue."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tansaku.deploy.cli.exits import ExitCode
from tansaku.deploy.cli.printing import say
from tansaku.deploy.cli.session import SiteOption
from tansaku.deploy.cli.tables import show_json, show_table

if TYPE_CHECKING:
    from tansaku.tasks.site.cluster import Cluster

site_app = typer.Typer(name="site", help="Write or check the site file of a cluster.", no_args_is_help=True)
queue_app = typer.Typer(
    name="queue", help="The background process that submits jobs to a cluster's queue.", no_args_is_help=True
)

JsonOption = Annotated[bool, typer.Option("--json", help="JSON instead of text.")]

KINDS = ("slurm", "slurm-offline")


@contextmanager
def opened_cluster(site: Path | None) -> Iterator[tuple[Cluster, Path]]:
    """Opens the cluster of a site file; yields it with the path of the file.

    Raises:
        ConfigurationError: No site file is given, or it does not describe a cluster.
    """
    from tansaku.models.domain.errors import ConfigurationError
    from tansaku.tasks.configuration import load_site
    from tansaku.tasks.settings import Settings
    from tansaku.tasks.site.cluster import open_cluster
    from tansaku.tasks.stores.connection import connect
    from tansaku.tasks.stores.site_workers import SiteWorkers

    settings = Settings.from_environment()
    file = site or settings.site_file
    if file is None:
        raise ConfigurationError("no site file", hint="give --site FILE or set TANSAKU_SITE; `tansaku site init` writes one")
    spec = load_site(file)
    database = connect(settings, spec)
    try:
        yield open_cluster(settings, spec, SiteWorkers(database)), file
    finally:
        database.client.close()


@site_app.command("init")
def site_init(
    kind: Annotated[str, typer.Argument(metavar="[KIND]", help=f"One of {', '.join(KINDS)}.")] = KINDS[0],
    folder: Annotated[Path, typer.Option("--to", metavar="FOLDER", help="Folder to write the file to.")] = Path(),
) -> None:
    """Writes a site file for a SLURM cluster, to be filled in; never overwrites a file."""
    from tansaku.models.domain.errors import ConfigurationError, NotFoundError

    if kind not in KINDS:
        raise NotFoundError(f"no site template {kind!r}", hint="available: " + ", ".join(KINDS))
    target = folder / "site.yaml"
    try:
        with target.open("x", encoding="utf-8") as stream:
            stream.write(files("tansaku.deploy").joinpath("hpc", f"{kind}.yaml").read_text(encoding="utf-8"))
    except FileExistsError as error:
        raise ConfigurationError(f"{str(target)!r} exists already; nothing was written") from error
    except OSError as error:
        raise ConfigurationError(f"--to {str(folder)!r}: {error.strerror}") from error
    say(f"wrote {target}")
    say(f"next: replace every CHANGE-ME, then tansaku site check --site {target}")


@site_app.command("check")
def site_check(
    patience: Annotated[float, typer.Option("--patience", min=1.0, help="How long to wait for the test job [s].")] = 300.0,
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """Checks folder, database, scheduler and partitions, and runs a test job on a compute node; exits 5 if a check fails."""
    from tansaku.tasks.site.check import check_site

    with opened_cluster(site) as (cluster, _):
        findings = list(check_site(cluster, patience))
    if as_json:
        show_json([finding.model_dump(mode="json") for finding in findings])
    else:
        show_table(("check", "state", "found", "hint"), [(f.name, f.state, f.detail, f.hint) for f in findings])
    if any(finding.state == "missing" for finding in findings):
        raise typer.Exit(ExitCode.MISSING_COMPONENT)


@queue_app.command("start")
def queue_start(site: SiteOption = None) -> None:
    """Starts a process that submits jobs whenever the queue has room, so that drivers need not; one per site."""
    from tansaku.tasks.launchers.queue.control import start_filling

    with opened_cluster(site) as (cluster, file):
        started = start_filling(cluster, file)
    say(f"queue process of {cluster.spec.site}: process {started['pid']} on {started['host']}, log {started['log']}")


@queue_app.command("stop")
def queue_stop(site: SiteOption = None) -> None:
    """Stops that process; jobs in SLURM continue, and drivers submit their own jobs again."""
    from tansaku.tasks.launchers.queue.control import stop_filling

    with opened_cluster(site) as (cluster, _):
        stopped = stop_filling(cluster)
    say(f"queue process of {cluster.spec.site}: {'stopped' if stopped else 'not running'}")


@queue_app.command("status")
def show_queue_status(as_json: JsonOption = False, site: SiteOption = None) -> None:
    """Shows which process submits jobs, what prevents it, and the number of jobs in each state."""
    from tansaku.tasks.launchers.queue.control import queue_status

    with opened_cluster(site) as (cluster, _):
        found = queue_status(cluster)
    if as_json:
        show_json(found.model_dump(mode="json"))
    else:
        say("\n".join(found.describe()))
