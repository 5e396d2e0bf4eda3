"""Deletion of a campaign that a user of the dashboard asked the service for."""

from __future__ import annotations

from tansaku.models.domain.errors import NotFoundError, StoreError
from tansaku.models.domain.requests import ServiceRequest
from tansaku.tasks.commands.actor import Actor
from tansaku.tasks.commands.delete import delete_campaign, plan_deletion
from tansaku.tasks.resources import Resources


def delete_requested(resources: Resources, request: ServiceRequest) -> None:
    """Deletes the campaign of a request; killed at any moment, it is finished by being called again.

    Args:
        resources: Store, artifacts and site.
        request: Of the kind ``delete``.

    Raises:
        StoreError: The campaign is not deleted: a driver or a job is at work on it, or another one has its name.
        TransientError: The database or the cluster does not answer.
    """
    try:
        record = resources.store.campaign(request.campaign)
    except NotFoundError:
        return  # by an earlier call, which was killed before the answer was stored
    if record.created_at != request.campaign_created_at:
        raise StoreError("the campaign was deleted, and another one of its name created, after the request")
    plan_deletion(resources, request.campaign)
    delete_campaign(resources, Actor(request.user, request.origin), request.campaign)
