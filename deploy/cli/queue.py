"""`tansaku queue`: starts, stops and shows the process that submits jobs to a cluster's queue."""

from __future__ import annotations

from typing import Annotated

import typer

from tansaku.deploy.cli.printing import say
from tansaku.deploy.cli.session import SiteOption, opened_cluster
from tansaku.deploy.cli.tables import show_json

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
