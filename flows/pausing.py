"""A paused campaign as a suspended run: *Resume* on the page goes on with it, and one that went on elsewhere is closed."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from uuid import UUID

from prefect import State
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterName, FlowRunFilter
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.states import Cancelled, Suspended

from tansaku.models.domain.errors import NotFoundError
from tansaku.models.domain.ports import CampaignStore
from tansaku.models.domain.records import Command
from tansaku.tasks.progress import is_paused

SUPERSEDED = "Superseded"
"""Name of the state of a suspended run whose campaign does not wait for it any more."""

_MARK = "tansaku-pause-"  # tells our suspensions from those that somebody asked for on the page
_PAGE = "Prefect's page"


def suspended(name: str, last_number: int) -> State[None]:
    """The state of a run whose campaign was paused: it has no process and no time limit."""
    return Suspended(
        message=f"paused after proposal {last_number}; Resume on this page goes on, or `tansaku resume {name}`",
        pause_key=f"{_MARK}{uuid.uuid4().hex}",
    )


def lift_pause_if_resumed(store: CampaignStore, name: str, run: str) -> bool:
    """Lifts the pause of a campaign when somebody pressed *Resume* for this run since it was last scheduled.

    Args:
        run: Id of the flow run.

    Returns:
        Whether a pause was lifted.

    Raises:
        NotFoundError: No campaign of this name is stored.
    """
    if not is_paused(store.campaign(name)):
        return False  # without asking the server, which a driver need not reach
    with get_client(sync_client=True) as client:
        states = client.read_flow_run_states(UUID(run))
    scheduled = [state for state in sorted(states, key=lambda one: one.timestamp) if state.is_scheduled()]
    if not scheduled or scheduled[-1].name != "Resuming":
        return False
    store.add_command(name, Command(id=f"resume-{scheduled[-1].id}", kind="resume", user=_PAGE, created_at=datetime.now(UTC)))
    return True


def close_superseded(store: CampaignStore, deployments: list[str], site: str | None) -> list[str]:
    """Closes suspended runs whose campaign was resumed elsewhere or deleted, so that the page says what is true.

    Args:
        deployments: Names of the service's deployments.
        site: Only runs with this site file, whose database the store is.

    Returns:
        A line per run that was closed.
    """
    told = []
    with get_client(sync_client=True) as client:
        runs = client.read_flow_runs(
            flow_run_filter=FlowRunFilter.model_validate({"state": {"type": {"any_": [StateType.PAUSED]}}}),
            deployment_filter=DeploymentFilter(name=DeploymentFilterName(any_=deployments)),
        )
        for run in runs:
            name = _paused_campaign(run)
            if name is None or run.parameters.get("site") != site or _waits(store, name):
                continue
            reason = "its campaign was resumed elsewhere, or deleted; a new run drives a stored campaign on"
            client.set_flow_run_state(run.id, Cancelled(name=SUPERSEDED, message=reason))
            told.append(f"{name}: the suspended run {run.id} is closed, {reason}")
    return told


def _paused_campaign(run: FlowRun) -> str | None:
    """The campaign of a run that we suspended."""
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
