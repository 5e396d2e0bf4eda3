"""Paused campaigns as suspended runs: *Resume* on the page continues a run; runs resumed elsewhere are closed."""

from __future__ import annotations

import uuid
from uuid import UUID

from prefect import State
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterName, FlowRunFilter
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.states import Cancelled, Suspended

from tansaku.models.domain.authors import Actor
from tansaku.models.domain.errors import NotFoundError
from tansaku.models.domain.ports import CampaignStore
from tansaku.models.domain.verbs import is_paused
from tansaku.tasks.act.commands.steer import request

SUPERSEDED = "Superseded"
"""Name of the state of a suspended run that its campaign no longer waits for."""

_MARK = "tansaku-pause-"  # distinguishes our suspensions from those requested on the page
_PAGE = Actor("Prefect's page", "service")


def suspended(name: str, last_number: int) -> State[None]:
    """Returns the state of a run whose campaign was paused: without process or time limit."""
    return Suspended(
        message=f"paused after proposal {last_number}; continue with Resume on this page, or `tansaku resume {name}`",
        pause_key=f"{_MARK}{uuid.uuid4().hex}",
    )


def lift_pause_if_resumed(store: CampaignStore, name: str, run: str) -> bool:
    """Lifts the pause of a campaign if *Resume* was pressed for this run since it was last scheduled.

    Args:
        run: Id of the flow run.

    Returns:
        Whether a pause was lifted.

    Raises:
        NotFoundError: No campaign of this name is stored.
    """
    if not is_paused(store.campaign(name)):
        return False  # without the server, which a driver need not be able to reach
    with get_client(sync_client=True) as client:
        states = client.read_flow_run_states(UUID(run))
    scheduled = [state for state in sorted(states, key=lambda item: item.timestamp) if state.is_scheduled()]
    if not scheduled or scheduled[-1].name != "Resuming":
        return False
    request(store, _PAGE, name, "resume", identifier=f"resume-{scheduled[-1].id}")
    return True


def close_superseded(store: CampaignStore, deployments: list[str], site: str | None) -> list[str]:
    """Closes suspended runs whose campaign was resumed elsewhere or deleted, so that the page is up to date.

    Args:
        deployments: Names of the service's deployments.
        site: Only consider runs with this site file, which names the store's database.

    Returns:
        A line for each closed run.
    """
    closed = []
    with get_client(sync_client=True) as client:
        runs = client.read_flow_runs(
            flow_run_filter=FlowRunFilter.model_validate({"state": {"type": {"any_": [StateType.PAUSED]}}}),
            deployment_filter=DeploymentFilter(name=DeploymentFilterName(any_=deployments)),
        )
        for run in runs:
            name = _paused_campaign(run)
            if name is None or run.parameters.get("site") != site or _waits(store, name):
                continue
            reason = "its campaign was resumed elsewhere or deleted; start a new run to continue a stored campaign"
            client.set_flow_run_state(run.id, Cancelled(name=SUPERSEDED, message=reason))
            closed.append(f"{name}: suspended run {run.id} closed: {reason}")
    return closed


def _paused_campaign(run: FlowRun) -> str | None:
    """Returns the campaign of a run that we suspended."""
    if run.state is None or not (run.state.state_details.pause_key or "").startswith(_MARK):
        return None
    campaign = run.parameters.get("campaign")
    name = campaign.get("name") if isinstance(campaign, dict) else run.parameters.get("name")
    return name if isinstance(name, str) else None


def _waits(store: CampaignStore, name: str) -> bool:
    try:
        return is_paused(store.campaign(name))
    except NotFoundError:
        return False
