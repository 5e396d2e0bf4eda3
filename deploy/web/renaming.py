"""Renaming of campaigns by admins and owners: by this process, or by the service if this process lacks the rights."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from http import HTTPStatus

from tansaku.deploy.web.auth.roles import ForbiddenError
from tansaku.deploy.web.errors import ProblemError
from tansaku.deploy.web.services import Services
from tansaku.deploy.web.steering import audit_once, author_of
from tansaku.models.domain.accounts import Actor
from tansaku.models.domain.records import CampaignRecord
from tansaku.models.domain.requests import RequestState, ServiceRequest
from tansaku.tasks.act.checks.rights import may_rename
from tansaku.tasks.act.commands.audit import renaming
from tansaku.tasks.act.commands.copy import check_new_name
from tansaku.tasks.act.commands.rename import rename_campaign
from tansaku.tasks.backends.resources import Resources
from tansaku.tasks.backends.stores.campaigns import lease_held, refuse_reserved
from tansaku.tasks.read.views.status import live_lease


@dataclass(frozen=True)
class Outcome:
    """Outcome of a renaming.

    Attributes:
        request: The request that waits for the service; None: the campaign has the new name.
        followers: Campaigns that learn from it, whose specs have the new name now.
    """

    request: ServiceRequest | None = None
    followers: tuple[str, ...] = ()


def rename(services: Services, actor: Actor, old: str, new: str) -> Outcome:
    """Renames a campaign, or asks the service to do so; repeating it changes nothing, and completes an interrupted renaming.

    Args:
        services: Of the application.
        actor: Who renames it.
        old: Its name.
        new: Its new name.

    Raises:
        NotFoundError: There is no such campaign.
        ForbiddenError: The actor is neither an admin nor the owner.
        LeaseHeldError: A driver is at work on it or on a campaign that learns from it, or it has jobs.
        FieldError: The new name is taken or cannot be one.
        ConfigurationError: A data set depends on the old name.
        ProblemError: The service is asked for another name already.
        StoreError: It is being deleted, or cannot be read.
    """
    done = _renamed(services, old, new)
    record = services.store.campaign(old) if done is None else done
    if not may_rename(services.accounts, actor, record):
        raise ForbiddenError("only admins, and the operator who created it, may rename a campaign")
    if done is not None:
        _audit(services, actor, (old, new), done, len(done.former_names) - 1)
        return Outcome()
    if services.resources is None or not services.settings.deletes:
        return Outcome(request=_request(services, actor, record, new))
    return Outcome(followers=_rename_here(services, services.resources, actor, record, new))


def _renamed(services: Services, old: str, new: str) -> CampaignRecord | None:
    """The campaign if it has the new name already and the old name is free; else None."""
    names = services.store.campaign_names()
    if old in names or new not in names:
        return None
    found = services.store.campaign(new)
    return found if found.renaming is None and found.former_names[-1:] == (old,) else None


def _rename_here(services: Services, resources: Resources, actor: Actor, record: CampaignRecord, new: str) -> tuple[str, ...]:
    renamed = rename_campaign(resources, author_of(actor), record.name, new)
    _audit(services, actor, (record.name, new), record, len(record.former_names))
    return renamed.followers


def _request(services: Services, actor: Actor, record: CampaignRecord, new: str) -> ServiceRequest:
    """Stores a request to rename a campaign, unless one waits already."""
    old, store = record.name, services.store
    for waiting in services.requests.requests_of(old):
        if waiting.kind == "rename" and waiting.state is RequestState.WAITING:
            return _same(waiting, new)
    if record.renaming != new:  # else the service finishes what was interrupted
        refuse_reserved(record)
        check_new_name(store, new)
    if (lease := live_lease(record, store.now())) is not None:
        raise lease_held(lease, store.now())
    author = author_of(actor)
    wanted = ServiceRequest(
        id=f"rename-{secrets.token_hex(16)}",
        kind="rename",
        campaign=old,
        campaign_created_at=record.created_at,
        old_name=old,
        new_name=new,
        user=author.name,
        origin=author.origin,
        created_at=services.clock(),
    )
    _audit(services, actor, (old, new), record, len(record.former_names))
    return _same(services.requests.add_request(wanted), new)


def _same(waiting: ServiceRequest, new: str) -> ServiceRequest:
    """The waiting request. Raises ProblemError if it has another name."""
    if waiting.new_name != new:
        detail = f"the service is asked already to name it {waiting.new_name}"
        raise ProblemError(HTTPStatus.CONFLICT, detail, key="name")
    return waiting


def _audit(services: Services, actor: Actor, names: tuple[str, str], record: CampaignRecord, before: int) -> None:
    """Records the change once.

    Args:
        services: Of the application.
        actor: Who renames it.
        names: The old and the new one.
        record: The campaign.
        before: How many names it had before the old one.
    """
    audit_once(services, actor, renaming(record, names, before))
