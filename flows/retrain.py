"""Trainings of a campaign's surrogate as runs of a deployment, e.g. on a work pool whose workers have a GPU."""

from __future__ import annotations

import threading
from pathlib import Path

import httpx
from prefect import State, flow
from prefect.client.orchestration import get_client
from prefect.exceptions import ObjectNotFound, PrefectHTTPStatusError
from prefect.logging import get_run_logger
from prefect.states import Completed

from tansaku.flows.names import RETRAIN, deployment_name
from tansaku.models.domain.retraining import Retrain
from tansaku.models.domain.specs.base import Name
from tansaku.tasks.backends.resources import open_resources
from tansaku.tasks.ground.settings import Settings
from tansaku.tasks.loop.retraining.driver import train_for
from tansaku.tasks.node.configuration.campaign_files import load_site

_AGAIN = 10.0  # before the next try if the server does not answer or the deployment does not exist yet [s]


@flow(name=RETRAIN, flow_run_name="{name}-{number}", persist_result=False, validate_parameters=True)
def retrain_flow(name: Name, number: int, site: str | None = None) -> State[None]:
    """Trains the surrogate of a campaign whose site file has `training: {by: service}`; started by the driver's request.

    Args:
        site: Site file on the training machine; none: its default.
    """
    settings = Settings.from_environment()
    with open_resources(settings, load_site(Path(site) if site else settings.site_file)) as resources:
        version = train_for(resources, name, number)
    outcome = f"retrain {number} of {name}: " + (
        "nothing to train, or failed" if version is None else f"{version.label}, {version.note}"
    )
    get_run_logger().info(outcome)
    return Completed(message=outcome)


def ask_for(name: str, training: Retrain, service: str, halt: threading.Event) -> str | None:
    """Requests a training run from the configured Prefect server until it accepts; duplicate requests start a single run.

    Args:
        service: Name of the service that owns the deployment.
        halt: Stops the requests when set.

    Returns:
        Id of the run, None if stopped before.
    """
    key = f"{training.campaign}-{training.number}-{training.dataset[:16]}"
    parameters = {"name": name, "number": training.number}
    while not halt.is_set():
        try:
            with get_client(sync_client=True) as client:
                deployment = client.read_deployment_by_name(f"{RETRAIN}/{deployment_name(RETRAIN, service)}")
                known = deployment.parameters | parameters
                run = client.create_flow_run_from_deployment(deployment.id, parameters=known, idempotency_key=key)
            return str(run.id)
        except (httpx.TransportError, ObjectNotFound, PrefectHTTPStatusError):
            halt.wait(_AGAIN)
    return None


def ask_in_background(name: str, training: Retrain, service: str, halt: threading.Event) -> None:
    """Runs :func:`ask_for` in a thread, so that the caller does not wait for the server."""
    threading.Thread(target=ask_for, args=(name, training, service, halt), name="retrain", daemon=True).start()
