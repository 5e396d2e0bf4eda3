"""Requests from the dashboard that the service carries out itself: deletions and renamings."""

from __future__ import annotations

from tansaku.models.domain.authors import Actor
from tansaku.models.domain.errors import NotFoundError, StoreError
from tansaku.models.domain.requests import ServiceRequest
from tansaku.tasks.act.commands.delete import delete_campaign, plan_deletion
from tansaku.tasks.act.commands.rename import rename_campaign
from tansaku.tasks.backends.resources import Resources


def carry_out(resources: Resources, request: ServiceRequest) -> None:
    """Carries out a request that needs no run; killed at any moment, it is finished by being called again.

    Args:
        resources: Store, artifacts, registry, requests, schedules and site.
        request: Of the kind ``delete`` or ``rename``.

    Raises:
        StoreError: It is refused: a driver or a job is at work on the campaign, or another one has its name.
        ConfigurationError: The new name is taken, or the campaign cannot have another one.
        TransientError: The database or the cluster does not answer.
    """
    if request.kind == "delete":
        delete_requested(resources, request)
    else:
        rename_requested(resources, request)


def delete_requested(resources: Resources, request: ServiceRequest) -> None:
    """Deletes the campaign of a request; errors as of :func:`carry_out`.

    Args:
        request: Of the kind ``delete``.
    """
    try:
        record = resources.store.campaign(request.campaign)
    except NotFoundError:
        return  # by an earlier call, which was killed before the answer was stored
    if record.created_at != request.campaign_created_at:
        raise StoreError("the campaign was deleted, and another one of its name created, after the request")
    plan_deletion(resources, request.campaign)
    delete_campaign(resources, Actor(request.user, request.origin), request.campaign)


def rename_requested(resources: Resources, request: ServiceRequest) -> None:
    """Gives the campaign of a request its new name; errors as of :func:`carry_out`.

    Args:
        resources: Store, registry, requests, schedules and site.
        request: Of the kind ``rename``.
    """
    old, new = request.old_name, request.new_name
    if old is None or new is None:
        raise StoreError("the request does not say which name the campaign is to have")
    # It has the new name already where an earlier call was killed before the answer was stored.
    if not any(_is_stored(resources, name, request) for name in (old, new)):
        raise StoreError(f"campaign {old!r} was deleted or renamed after the request")
    rename_campaign(resources, Actor(request.user, request.origin), old, new)


def _is_stored(resources: Resources, name: str, request: ServiceRequest) -> bool:
    """Returns whether the campaign of a request is stored under a name."""
    try:
        return resources.store.campaign(name).created_at == request.campaign_created_at
    except NotFoundError:
        return False
