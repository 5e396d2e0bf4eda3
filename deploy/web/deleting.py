"""Deletion of campaigns by admins and owners: by this process, or by the service if this process lacks the rights."""

from __future__ import annotations

import secrets
from http import HTTPStatus

from tansaku.deploy.web.auth.roles import ForbiddenError
from tansaku.deploy.web.errors import ProblemError
from tansaku.deploy.web.services import Services
from tansaku.deploy.web.steering import author_of
from tansaku.models.domain.accounts import Actor, Role
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.requests import RequestState, ServiceRequest
from tansaku.tasks.act.checks.rights import may_delete
from tansaku.tasks.act.commands.audit import Change, record_change
from tansaku.tasks.act.commands.delete import delete_campaign, plan_deletion
from tansaku.tasks.backends.stores.campaigns import lease_held
from tansaku.tasks.read.views.status import live_lease


def delete(services: Services, actor: Actor, name: str, confirmation: str) -> ServiceRequest | None:
    """Deletes a campaign permanently, or asks the service to do so; completes an interrupted deletion.

    Args:
        services: Of the application.
        actor: Who deletes it.
        name: Campaign name.
        confirmation: The name again, as the user typed it.

    Returns:
        The request that waits for the service; None: the campaign is deleted.

    Raises:
        ProblemError: There is no such campaign, or the confirmation is not its name.
        ForbiddenError: The actor is neither an admin nor the owner.
        LeaseHeldError: A driver or a job is at work on it.
        StoreError: It cannot be read, so that its owner is not known.
    """
    if name not in services.store.campaign_names():
        raise ProblemError(HTTPStatus.NOT_FOUND, f"no campaign {name!r} is stored")
    if not actor.may(Role.ADMIN) and not may_delete(services.accounts, actor, services.store.campaign(name)):
        raise ForbiddenError("only admins, and the operator who created it, may delete a campaign")
    if confirmation != name:
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, "type the name of the campaign to delete it", key="confirm")
    if services.resources is None or not services.settings.deletes:
        return _request(services, actor, name)
    plan = plan_deletion(services.resources, name)
    before: JsonDict = {"evaluations": plan.evaluations, "done": plan.done, "refits": plan.refits, "events": plan.events}
    change = Change(action="campaign.delete", subject=f"campaign:{name}", before=before)
    record_change(services.accounts, actor, change, services.clock())
    delete_campaign(services.resources, author_of(actor), name)
    return None


def _request(services: Services, actor: Actor, name: str) -> ServiceRequest:
    """Stores a request to delete a campaign, unless one waits already."""
    record, now = services.store.campaign(name), services.clock()
    lease = live_lease(record, services.store.now())
    if lease is not None:
        raise lease_held(lease, now)
    known = services.requests.requests_of(name)
    waiting = next((item for item in known if item.kind == "delete" and item.state is RequestState.WAITING), None)
    if waiting is not None:
        return waiting
    author = author_of(actor)
    wanted = ServiceRequest(
        id=f"delete-{secrets.token_hex(16)}",
        kind="delete",
        campaign=name,
        campaign_created_at=record.created_at,
        user=author.name,
        origin=author.origin,
        created_at=now,
    )
    before: JsonDict = dict(services.store.stored_counts(name))
    change = Change(action="campaign.delete", subject=f"campaign:{name}", before=before, after={"request": wanted.id})
    record_change(services.accounts, actor, change, now)
    return services.requests.add_request(wanted)
