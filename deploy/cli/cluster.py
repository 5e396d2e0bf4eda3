"""Commands for a cluster: `tansaku site`, its site file; `queue`, the process that submits jobs; `reconcile`, repairs."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Annotated

import typer

from tansaku.deploy.cli.exits import ExitCode
from tansaku.deploy.cli.printing import say
from tansaku.deploy.cli.session import SiteOption, complete_campaign, opened, opened_cluster
from tansaku.deploy.cli.tables import show_findings, show_json

site_app = typer.Typer(name="site", help="Writes or checks the site file of a cluster.", no_args_is_help=True)

KINDS = ("slurm", "slurm-offline")

queue_app = typer.Typer(
    name="queue", help="The background process that submits jobs to a cluster's queue.", no_args_is_help=True
)

JsonOption = Annotated[bool, typer.Option("--json", help="JSON instead of text.")]


@queue_app.command("start")
def queue_start(site: SiteOption = None) -> None:
    """Starts a process that submits jobs whenever the queue has room, so that drivers need not; one per site."""
    from tansaku.tasks.backends.launchers.queue.control import start_filling

    with opened_cluster(site) as (cluster, file):
        started = start_filling(cluster, file)
    say(f"queue process of {cluster.spec.site}: process {started['pid']} on {started['host']}, log {started['log']}")


@queue_app.command("stop")
def queue_stop(site: SiteOption = None) -> None:
    """Stops that process; jobs in SLURM continue, and drivers submit their own jobs again."""
    from tansaku.tasks.backends.launchers.queue.control import stop_filling

    with opened_cluster(site) as (cluster, _):
        stopped = stop_filling(cluster)
    say(f"queue process of {cluster.spec.site}: {'stopped' if stopped else 'not running'}")


@queue_app.command("status")
def show_queue_status(as_json: JsonOption = False, site: SiteOption = None) -> None:
    """Shows which process submits jobs, what prevents it, and the number of jobs in each state."""
    from tansaku.tasks.backends.launchers.queue.control import queue_status

    with opened_cluster(site) as (cluster, _):
        found = queue_status(cluster)
    if as_json:
        show_json(found.model_dump(mode="json"))
    else:
        say("\n".join(found.describe()))


def reconcile(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME]...", help="Names of campaigns; default: all.", autocompletion=complete_campaign),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Change nothing; report what would be done.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="JSON instead of text.")] = False,
    site: SiteOption = None,
) -> None:
    """Compares campaigns, shared folder, LaunchPad and SLURM; repairs what is certain, reports the rest, deletes no result."""
    from tansaku.tasks.act.commands.reconcile import reconcile as compare

    with opened(site) as resources:
        report = compare(resources, names or None, dry_run=dry_run)
    if as_json:
        show_json(report.model_dump(mode="json"))
    else:
        say("\n".join(report.describe()))
    if report.unreadable:
        raise typer.Exit(ExitCode.DATABASE)


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
    patience: Annotated[float, typer.Option("--patience", min=1.0, help="Seconds to wait for the test job.")] = 300.0,
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """Checks folder, database, scheduler and partitions, and runs a test job on a compute node; exits 5 if a check fails."""
    from tansaku.tasks.act.checks.site import check_site

    with opened_cluster(site) as (cluster, _):
        findings = list(check_site(cluster, patience))
    show_findings(findings, as_json=as_json)
