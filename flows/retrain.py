"""Trainings as runs of deployments: of a campaign's surrogate, and at the times of schedules, which ask for them."""

from __future__ import annotations

import threading
from datetime import datetime
from pathlib import Path

import httpx
from prefect import State, flow
from prefect.client.orchestration import get_client
from prefect.exceptions import ObjectNotFound, PrefectHTTPStatusError
from prefect.logging import get_run_logger
from prefect.runtime import flow_run
from prefect.states import Completed, Failed

from tansaku.flows.names import RETRAIN, TRAIN, deployment_name
from tansaku.models.domain.accounts import Actor as User
from tansaku.models.domain.accounts import Role
from tansaku.models.domain.authors import Actor
from tansaku.models.domain.errors import ConfigurationError, NotFoundError, StoreError
from tansaku.models.domain.moments import utc_now
from tansaku.models.domain.retraining import Retrain
from tansaku.models.domain.specs.base import Name
from tansaku.tasks.act.checks.rights import may_train
from tansaku.tasks.act.checks.seen_registry import SeenRegistry
from tansaku.tasks.act.checks.sight import Sight
from tansaku.tasks.act.commands.audit import record_once, training_change
from tansaku.tasks.act.commands.schedules import find_schedule
from tansaku.tasks.act.commands.trainings import NOT_YOURS, open_trainings, request_training, resolved
from tansaku.tasks.backends.resources import DatabaseResources, open_resources
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


@flow(name=TRAIN, flow_run_name="{schedule}", persist_result=False)
def train_flow(schedule: str, site: str | None = None) -> State[None]:
    """Asks for the training of a model at the times of a schedule of the dashboard; the service trains.

    Args:
        schedule: Id of the schedule.
        site: Site file on the service's machine; none: the service's own.
    """
    settings = Settings.from_environment()
    with open_resources(settings, load_site(Path(site) if site else settings.site_file)) as resources:
        try:
            stored, outcome = train_scheduled(resources, schedule, flow_run.id, utc_now())
        except (ConfigurationError, NotFoundError, StoreError) as error:
            return Failed(message=error.message)
    return Completed(name=None if stored else "Skipped", message=outcome)


def train_scheduled(resources: DatabaseResources, schedule_id: str, identifier: str, now: datetime) -> tuple[bool, str]:
    """Asks for the training of a schedule, with the rights that its user has now.

    Args:
        identifier: Id of the request; asking again with the same one stores nothing.

    Returns:
        Whether a request is stored, and what was done, or why not: while a training of the model has not ended, and where one
        with these data was done, there is nothing to do.

    Raises:
        NotFoundError: The schedule, its data set or its version is gone.
        FieldError: The data set or a value cannot be used any more.
        StoreError: The schedule runs a campaign, its user may not train the model any more, or has too many trainings.
    """
    known = find_schedule(resources.schedules, schedule_id)
    if known.training is None:
        raise StoreError(f"schedule {schedule_id} is of {known.subject}; expected one of a training")
    user = resources.accounts.user(known.user)
    if user is None or user.disabled or user.created_at > known.created_at or not user.role.includes(Role.OPERATOR):
        raise StoreError(f"{known.user}, who stored this schedule, may not train models any more")
    actor = User(name=user.name, role=user.role, address=f"schedule {schedule_id}")
    if (asked := resources.requests.training(identifier)) is not None:
        record_once(resources.accounts, actor, training_change(asked), now)  # the earlier call may have been killed before
        return True, f"training {identifier} of {asked.model} is asked for"
    seen = SeenRegistry(resources.registry, Sight(resources.accounts, resources.store, actor))
    spec, dataset = resolved(seen, known.training)
    versions = resources.registry.models(spec.name)
    if not may_train(resources.accounts, resources.store, resources.requests, actor, versions):
        raise StoreError(NOT_YOURS)
    under_way = [found.id for found in open_trainings(resources.requests) if found.model == spec.name]
    if under_way:
        return False, f"training {under_way[-1]} of {spec.name} has not ended"
    same = [record.label for record in versions if record.spec == spec.model_dump(mode="json")]
    if same:
        return False, f"{same[-1]} was trained on the latest data set {dataset.name}"
    stored, _ = request_training(resources.requests, Actor(user.name, actor.address), spec, identifier, now)
    record_once(resources.accounts, actor, training_change(stored), now)
    return True, f"training {identifier} of {spec.name} is asked for"


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
