"""Renames, shares and deletes campaigns: only admins and the owner of a campaign may.

This process does it; where it lacks the rights in the database, the service is asked to rename or delete.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from http import HTTPStatus
from typing import Literal

from tansaku.deploy.web.auth.roles import ForbiddenError
from tansaku.deploy.web.errors import ProblemError
from tansaku.deploy.web.services import Services
from tansaku.deploy.web.steering import audit_once, author_of
from tansaku.models.domain.accounts import Actor, Role
from tansaku.models.domain.errors import FieldError
from tansaku.models.domain.records import CampaignRecord, JsonDict, Steerer
from tansaku.models.domain.requests import RequestState, ServiceRequest
from tansaku.models.domain.verbs import OwnerKind
from tansaku.tasks.act.checks.rights import may_own
from tansaku.tasks.act.commands.audit import Change, record_change, renaming
from tansaku.tasks.act.commands.copy import check_new_name
from tansaku.tasks.act.commands.delete import delete_campaign, plan_deletion
from tansaku.tasks.act.commands.rename import rename_campaign, renamed
from tansaku.tasks.act.commands.runs import refuse_driven
from tansaku.tasks.backends.resources import Resources
from tansaku.tasks.backends.stores.campaigns import refuse_reserved

MOST_USERS = 100


def rename(services: Services, actor: Actor, old: str, new: str) -> ServiceRequest | None:
    """Renames a campaign, or asks the service to do so; repeating it changes nothing, and completes an interrupted renaming.

    Returns:
        The request that waits for the service; None: the campaign has the new name.

    Raises:
        NotFoundError: There is no such campaign.
        ForbiddenError: The actor is neither an admin nor the owner.
        LeaseHeldError: A driver is at work on it.
        FieldError: The new name is taken or cannot be one.
        ConfigurationError: A data set depends on the old name.
        ProblemError: The service is asked for another name already.
        StoreError: It is being deleted, or cannot be read.
    """
    done = renamed(services.store, old, new)
    record = services.store.campaign(old) if done is None else done
    _refuse_others(services, actor, record.name, "rename")
    change = renaming(record, (old, new), len(record.former_names) - (done is not None))
    resources = _own_resources(services)
    if resources is not None:
        rename_campaign(resources, author_of(actor), old, new)
    elif done is None:
        return _ask_to_rename(services, actor, record, change)
    audit_once(services, actor, change)
    return None


def share(services: Services, actor: Actor, name: str, users: Sequence[str]) -> CampaignRecord:
    """Replaces the users with whom a campaign is shared, who may steer it too; repeating it changes nothing.

    Args:
        users: Names of operators; none: it is shared with nobody.

    Raises:
        NotFoundError: There is no such campaign.
        ForbiddenError: The actor is neither an admin nor the owner.
        FieldError: A name is of no operator, or there are too many.
    """
    record = services.store.campaign(name)
    _refuse_others(services, actor, name, "share")
    if len(users) > MOST_USERS:
        raise FieldError("users", f"{len(users)} names; expected at most {MOST_USERS}")
    for user in users:
        known = services.accounts.user(user)
        if known is None or not known.role.includes(Role.OPERATOR):
            raise FieldError("users", f"{user!r} is no operator")
    now = services.clock()
    before, after = [known.user for known in record.shared_with], sorted(set(users))
    if after != before:
        change = Change("campaign.share", f"campaign:{name}", {"users": before}, {"users": after})
        record_change(services.accounts, actor, change, now)
    services.store.share_campaign(name, tuple(Steerer(user=user, since=now) for user in after))
    return services.store.campaign(name)


def delete(services: Services, actor: Actor, name: str, confirmation: str) -> ServiceRequest | None:
    """Deletes a campaign permanently, or asks the service to do so; completes an interrupted deletion.

    Args:
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
    _refuse_others(services, actor, name, "delete")
    if confirmation != name:
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, "type the name of the campaign to delete it", key="confirm")
    resources = _own_resources(services)
    if resources is None:
        return _ask_to_delete(services, actor, name)
    plan = plan_deletion(resources, name)
    before: JsonDict = {"evaluations": plan.evaluations, "done": plan.done, "refits": plan.refits, "events": plan.events}
    change = Change(action="campaign.delete", subject=f"campaign:{name}", before=before)
    record_change(services.accounts, actor, change, services.clock())
    delete_campaign(resources, author_of(actor), name)
    return None


def _refuse_others(services: Services, actor: Actor, name: str, kind: OwnerKind) -> None:
    # Admins may also where the campaign cannot be read any more.
    if not actor.may(Role.ADMIN) and not may_own(services.accounts, actor, services.store.campaign(name)):
        raise ForbiddenError(f"only admins, and the operator who created it, may {kind} a campaign")


def _own_resources(services: Services) -> Resources | None:
    """Returns what this process renames and deletes with; None where that is left to the service."""
    return services.resources if services.settings.deletes else None


def _ask_to_rename(services: Services, actor: Actor, record: CampaignRecord, change: Change) -> ServiceRequest:
    """Stores a request to rename a campaign, unless one waits already. Raises ProblemError if that has another name."""
    new: str = (change.after or {})["name"]
    stored = _waiting(services, record.name, "rename")
    if stored is None:
        refuse_reserved(record)
        check_new_name(services.store, new)
        refuse_driven(record, services.store.now())
        audit_once(services, actor, change)
        wanted = _request(services, actor, record, "rename")
        stored = services.requests.add_request(wanted.model_copy(update={"old_name": record.name, "new_name": new}))
    if stored.new_name != new:
        detail = f"the service is asked already to name it {stored.new_name}"
        raise ProblemError(HTTPStatus.CONFLICT, detail, key="name")
    return stored


def _ask_to_delete(services: Services, actor: Actor, name: str) -> ServiceRequest:
    """Stores a request to delete a campaign, unless one waits already."""
    record = services.store.campaign(name)
    refuse_driven(record, services.store.now())
    waiting = _waiting(services, name, "delete")
    if waiting is not None:
        return waiting
    wanted = _request(services, actor, record, "delete")
    before: JsonDict = dict(services.store.stored_counts(name))
    change = Change(action="campaign.delete", subject=f"campaign:{name}", before=before, after={"request": wanted.id})
    record_change(services.accounts, actor, change, services.clock())
    return services.requests.add_request(wanted)


def _waiting(services: Services, name: str, kind: OwnerKind) -> ServiceRequest | None:
    known = services.requests.requests_of(name)
    return next((item for item in known if item.kind == kind and item.state is RequestState.WAITING), None)


def _request(services: Services, actor: Actor, record: CampaignRecord, kind: Literal["rename", "delete"]) -> ServiceRequest:
    author = author_of(actor)
    return ServiceRequest(
        id=f"{kind}-{secrets.token_hex(16)}",
        kind=kind,
        campaign=record.name,
        campaign_created_at=record.created_at,
        user=author.name,
        origin=author.origin,
        created_at=services.clock(),
    )
