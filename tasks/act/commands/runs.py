"""Asking the service to run a stored campaign; a service carries the request out (``flows/requests.py``)."""

from __future__ import annotations

from datetime import datetime

from tansaku.models.domain.authors import Actor
from tansaku.models.domain.errors import LeaseHeldError, StoreError
from tansaku.models.domain.ports import CampaignStore
from tansaku.models.domain.records import CampaignRecord
from tansaku.models.domain.requests import Requests, ServiceRequest
from tansaku.models.domain.states import WITHOUT_DRIVER, CampaignState
from tansaku.models.domain.verbs import commands_wait, is_cancelled, is_paused
from tansaku.tasks.backends.stores.campaigns import lease_held, refuse_reserved, stored_spec
from tansaku.tasks.read.views.status import live_lease


def request_run(
    requests: Requests, store: CampaignStore, actor: Actor, name: str, identifier: str, now: datetime
) -> ServiceRequest:
    """Stores a request to run a campaign. Asking again with the same id, or while such a request waits, stores nothing.

    Returns:
        The request as stored.

    Raises:
        NotFoundError: No campaign of this name is stored.
        LeaseHeldError: A driver runs it.
        StoreError: It is paused or being deleted, it cannot be read here, or the id belongs to a request for another campaign.
    """
    known = requests.request(identifier)
    if known is None:
        record = store.campaign(name)
        check_runnable(record, store.now())
        known = requests.add_request(
            ServiceRequest(
                id=identifier,
                campaign=name,
                campaign_created_at=record.created_at,
                drivers=record.epoch,
                user=actor.name,
                origin=actor.origin,
                created_at=now,
            )
        )
    if known.campaign != name:
        raise StoreError(f"request {identifier} is for campaign {known.campaign!r}, not {name!r}")
    return known


def check_runnable(record: CampaignRecord, now: datetime) -> None:
    """Raises as :func:`request_run` if a campaign cannot be run."""
    refuse_reserved(record)
    stored_spec(record)
    refuse_driven(record, now)
    if is_paused(record) and not is_cancelled(record):
        raise StoreError(f"campaign {record.name!r} is paused", hint=f"resume it, here or by `tansaku resume {record.name}`")


def refuse_driven(record: CampaignRecord, now: datetime) -> None:
    """Raises LeaseHeldError if a driver is at work on a campaign; arguments as of :func:`check_runnable`."""
    lease = live_lease(record, now)
    if lease is not None:
        raise lease_held(record.name, lease, now)


def may_run(record: CampaignRecord, state: CampaignState, now: datetime) -> bool:
    """Returns whether a driver would find something to do: evaluations that the budget allows, or commands that wait.

    While a campaign waits for values, an edit is no reason to run it: the next report applies it.
    """
    try:
        check_runnable(record, now)
    except (LeaseHeldError, StoreError):
        return False
    if state is CampaignState.WAITING:
        return any(command.applied_at_number is None and command.kind != "edit" for command in record.commands)
    return state in WITHOUT_DRIVER or commands_wait(record)
