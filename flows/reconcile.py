"""Flow that reconciles database, disk and queues; safe to run at any time and repeatedly."""

from __future__ import annotations

from pathlib import Path

from prefect import State, flow
from prefect.logging import get_run_logger
from prefect.runtime import deployment
from prefect.states import Completed

from tansaku.flows.names import RECONCILE, deployment_name, deployment_names
from tansaku.flows.pausing import close_superseded
from tansaku.models.domain.records import JsonDict
from tansaku.tasks.act.commands.reconcile import reconcile
from tansaku.tasks.backends.resources import open_resources
from tansaku.tasks.ground.settings import Settings
from tansaku.tasks.node.configuration.campaign_files import load_site

_LONGEST_MESSAGE = 500


@flow(name=RECONCILE, persist_result=False)
def reconcile_flow(names: list[str] | None = None, dry_run: bool = False, site: str | None = None) -> State[JsonDict]:
    """Compares campaigns, shared folder, LaunchPad and SLURM; repairs what is certain, reports the rest, deletes no result.

    Args:
        names: Names of campaigns; none: all campaigns.
        dry_run: Change nothing; report what would be done.
        site: Site file on the service's machine; none: the service's own.

    Returns:
        :class:`~tansaku.tasks.act.commands.reconcile.ReconcileReport` as plain data.
    """
    settings = Settings.from_environment()
    service = _service(deployment.name)
    with open_resources(settings, load_site(Path(site) if site else settings.site_file)) as resources:
        report = reconcile(resources, names, dry_run=dry_run)
        closed = [] if service is None or dry_run else close_superseded(resources.store, deployment_names(service), site)
    lines = report.describe() + closed
    for line in lines:
        get_run_logger().info(line)
    return Completed(message="; ".join(lines)[:_LONGEST_MESSAGE], data=report.model_dump(mode="json"))


def _service(name: str | None) -> str | None:
    """Returns the service whose deployment has this name; None outside of a service."""
    service = (name or "").removesuffix(deployment_name(RECONCILE, ""))
    return service if service and service != name else None
