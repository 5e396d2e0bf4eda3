"""Flows of a service that run a campaign: from a spec entered on Prefect's page, or a stored campaign by name."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated
from uuid import UUID

import httpx
import psutil
from prefect import State, flow
from prefect.client.orchestration import get_client
from prefect.exceptions import PrefectHTTPStatusError, TerminationSignal
from prefect.logging import get_run_logger
from prefect.runtime import flow_run
from prefect.states import Cancelled, Completed, Failed
from pydantic import WithJsonSchema

from tansaku.flows.campaign import drive_in_tasks
from tansaku.flows.engines import living_engines
from tansaku.flows.names import CAMPAIGN, STORED
from tansaku.flows.pausing import lift_pause_if_resumed, suspended
from tansaku.models.domain.authors import Actor
from tansaku.models.domain.records import CampaignRecord, Evaluation
from tansaku.models.domain.retraining import Retrain, RetrainEnd, describe
from tansaku.models.domain.specs.base import Name
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.tasks.act.commands.create import prepare_campaign
from tansaku.tasks.backends.resources import open_resources
from tansaku.tasks.ground.settings import Settings
from tansaku.tasks.ground.site.users import user_name
from tansaku.tasks.loop.ledger.observer import Observer
from tansaku.tasks.loop.ledger.summaries import EvaluationSummary
from tansaku.tasks.node.configuration.campaign_files import campaign_from_data, load_site

EnteredSpec = Annotated[CampaignSpec, WithJsonSchema({"type": "object"})]
"""Prefect describes a flow's parameters at each import; the whole form, which takes longer, is made by ``service.py``."""


@flow(name=CAMPAIGN, flow_run_name="{campaign.name}", persist_result=False, validate_parameters=True)
def launch_flow(campaign: EnteredSpec, folder: str = ".", site: str | None = None) -> State[None]:
    """Runs a campaign to its end; a stored campaign continues where it stopped.

    Args:
        campaign: Content of the campaign file: space, objective, calculator, proposer and budget.
        folder: Folder on the service's machine to which relative paths of the campaign refer.
        site: Site file on the service's machine; none: the service's own.
    """
    settings = Settings.from_environment()
    machine = load_site(Path(site) if site else settings.site_file)
    loaded = campaign_from_data(campaign.model_dump(mode="json"), Path(folder), "campaign")
    with open_resources(settings, machine) as resources:
        prepare_campaign(resources, Actor(user_name(), "service"), loaded)
    return _driven(loaded.spec.name, site)


@flow(name=STORED, flow_run_name="{name}", persist_result=False, validate_parameters=True)
def stored_flow(name: Name, site: str | None = None) -> State[None]:
    """Continues a stored campaign, as `tansaku run` of its file would.

    Args:
        site: Site file on the service's machine; none: the service's own.
    """
    return _driven(name, site)


class RunLog(Observer):
    """Writes the campaign's progress into the log of the flow run."""

    def __init__(self) -> None:
        self._logger = get_run_logger()

    def on_start(self, record: CampaignRecord, evaluations: Sequence[EvaluationSummary]) -> None:
        """Logs the progress so far."""
        self._logger.info("%s: %d evaluations so far", record.name, len(evaluations))

    def on_outcome(self, evaluation: Evaluation) -> None:
        """Logs the end of an evaluation."""
        outcome, proposal = evaluation.outcome, evaluation.proposal
        found = "" if outcome is None else f", {outcome.value:g}" if outcome.value is not None else ""
        reason = f", {outcome.failure.reason}" if outcome is not None and outcome.failure is not None else ""
        self._logger.info("%d %s: %s%s%s", proposal.number, proposal.candidate, evaluation.state.value, found, reason)

    def on_retrain(self, retrain: Retrain, end: RetrainEnd | None) -> None:
        """Logs the start or end of a training."""
        self._logger.info("%s", describe(retrain, end))

    def on_wait(self, reason: str, seconds: float) -> None:
        """Logs what the driver waits for."""
        self._logger.warning("%s; checking again within %.0f s", reason, seconds)


def _wait_for_twin(run: str) -> None:
    """Waits for a local process that executes the same run; an outage of the server made the run appear dead."""
    twins = [process for known, process in living_engines() if known == run and process.pid != os.getpid()]
    if twins:
        get_run_logger().warning("process %d already executes this run; waiting for it", twins[0].pid)
        psutil.wait_procs(twins)


def _own_output(name: str) -> None:
    """Redirects output to a file: a pipe would break when the service ends, and a broken pipe ends the process."""
    folder = Settings.from_environment().home / "service"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(folder / f"{name}.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
        os.dup2(descriptor, stream.fileno())
    os.close(descriptor)


def _halt_at_signals() -> threading.Event:
    """Returns an event that SIGTERM and SIGINT set, in the main thread.

    Of one cancellation Prefect's runner and the service's watch may each send SIGTERM. So a second one does not end the process
    sooner, and the process still reports the run's end; both send SIGKILL to a process that does not end.
    """
    halt = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: halt.set())
    return halt


def _is_cancelled(run: str) -> bool:
    """Returns whether the run was cancelled on the page."""
    try:
        with get_client(sync_client=True) as client:
            state = client.read_flow_run(UUID(run)).state
    except (httpx.TransportError, PrefectHTTPStatusError):
        return False
    return state is not None and (state.is_cancelling() or state.is_cancelled())


def _driven(name: str, site: str | None) -> State[None]:
    """Drives a campaign and returns the run's final state; an interrupted run counts as crashed and is restarted."""
    _own_output(name)
    _wait_for_twin(flow_run.id)
    halt = _halt_at_signals()
    settings = Settings.from_environment()
    with open_resources(settings, load_site(Path(site) if site else settings.site_file)) as resources:
        if lift_pause_if_resumed(resources.store, name, flow_run.id):
            get_run_logger().info("%s: pause lifted by Resume on Prefect's page", name)
    result = drive_in_tasks(name, site, RunLog(), halt)
    if result.reason == "interrupted":
        if _is_cancelled(flow_run.id):
            return Cancelled(message=f"interrupted after proposal {result.last_number}; another run will continue")
        raise TerminationSignal(signal=signal.SIGTERM)
    if result.reason == "paused":
        return suspended(name, result.last_number)
    if result.reason == "failures":
        return Failed(message=f"too many evaluations failed; `tansaku status {name}` shows which and why")
    if result.reason == "reference":
        return Failed(message=f"the energy of an element could not be computed; `tansaku status {name}` shows why")
    if result.reason == "configuration":
        return Failed(message=f"repeated configuration error; fix its cause, then run `tansaku retry {name}`")
    return Completed(message=f"{result.reason}, after proposal {result.last_number}")
